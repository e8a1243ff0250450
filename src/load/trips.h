// Profiles of recorded trips: where passengers were picked up, and when, becomes the requests that
// the cloudlets near them get. The rules are the old system's (docs/how-to/profiles.md). Values;
// one thread each.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/csv.h"

namespace galileo::load {

// Where cloudlets have a cell, which is where they are near.
struct TopologyCell {
  double latitude = 0;
  double longitude = 0;
  std::string cloudlet;
};
// A CSV with the columns lon, lat, cloudlet. An Error has the line.
Result<std::vector<TopologyCell>> parse_topology(std::string_view text);

// "2016-01-01 12:00:05", with "T" between, with decimals, or without the time of day: microseconds
// since 1970, of whichever clock it is.
Result<std::int64_t> parse_trip_time(std::string_view text);

// Takes a CSV with the columns pickup_datetime, passenger_count, pickup_longitude, pickup_latitude.
// A trip is of the cell that is nearest, within half a kilometre, and a request for each passenger.
class Trips {
 public:
  // Those from `begins_us` to `ends_us` count, both included.
  explicit Trips(std::vector<TopologyCell> cells,
                 std::int64_t begins_us = std::numeric_limits<std::int64_t>::min(),
                 std::int64_t ends_us = std::numeric_limits<std::int64_t>::max());

  // More bytes of the file, which may be larger than memory. An Error has the line.
  Result<void> take(std::string_view bytes);
  // No more will come.
  Result<void> finish();

  // Of each cloudlet that had a pickup: 11 s, then the seconds between its pickups in the order of
  // their times, 0.1 s where there are none.
  std::map<std::string, std::vector<double>> gaps() const;

 private:
  Result<void> read_lines();
  Result<void> read_trip(const std::vector<std::string_view>& fields, const std::string& where);
  const TopologyCell* nearest(double latitude, double longitude) const;

  std::vector<TopologyCell> cells_;  // by their latitude
  const std::int64_t begins_us_;
  const std::int64_t ends_us_;
  wire::CsvReader lines_;
  std::vector<std::size_t> columns_;  // where each of the four is; empty before the first line
  std::map<std::string, std::vector<std::int64_t>> pickups_us_;
  std::size_t count_ = 0;
};

}  // namespace galileo::load
