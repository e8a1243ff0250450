// Profiles of trips, by the old system's rules.
#include "load/trips.h"

#include <doctest/doctest.h>

namespace galileo::load {
namespace {

using Gaps = std::map<std::string, std::vector<double>>;

constexpr const char* kTopology =
    "radio,cell,lon,lat,cloudlet\n"
    "LTE,1,-74.000,40.7000,0\n"
    "LTE,2,-73.990,40.7000,1\n"
    "LTE,3,-74.000,40.7085,0\n";
const std::string kTrips =
    "pickup_datetime,passenger_count,pickup_longitude,pickup_latitude\n"
    "2016-01-01 12:00:05,1,-74.0001,40.7001\n"
    "2016-01-01T12:00:02,2,-74.0001,40.7080\n"
    "2016-01-01 12:00:03,1,-73.9905,40.7000\n"
    "2016-01-01 12:00:09,1,-73.9945,40.7000\n"
    "2016-01-01 12:00:30,0,-74.0000,40.7000\n"
    "2016-01-01 11:59:59,1,-74.0000,40.7000\n"
    "2016-01-01 12:01:00,1,-74.0000,40.7000\n"
    "2016-01-01 12:00:40,1,-74.5000,40.7000\n";

Gaps gaps_of(const std::string& text, std::size_t piece, const char* start = nullptr,
             const char* end = nullptr) {
  Trips trips(*parse_topology(kTopology),
              start ? *parse_trip_time(start) : std::numeric_limits<std::int64_t>::min(),
              end ? *parse_trip_time(end) : std::numeric_limits<std::int64_t>::max());
  for (std::size_t at = 0; at < text.size(); at += piece)
    REQUIRE(trips.take(std::string_view(text).substr(at, piece)).ok());
  REQUIRE(trips.finish().ok());
  return trips.gaps();
}

std::string wrong(const std::string& text) {
  Trips trips(*parse_topology(kTopology));
  auto done = trips.take(text);
  if (done.ok()) done = trips.finish();
  return done.ok() ? "read" : done.error().where + ": " + done.error().why;
}

}  // namespace

TEST_CASE(
    "passengers are requests of the nearest cell, if it is near, in the order of their times") {
  const Gaps in_window{{"0", {11, 0.1, 3, 55}}, {"1", {11, 6}}};
  const Gaps in_all{{"0", {11, 3, 0.1, 3, 55}}, {"1", {11, 6}}};
  for (const std::size_t piece : {1U, 7U, 10'000U}) {
    CHECK(gaps_of(kTrips, piece, "2016-01-01T12:00:00", "2016-01-01 12:01:00") == in_window);
    CHECK(gaps_of(kTrips, piece) == in_all);
  }
  CHECK(gaps_of(kTrips, 100, "2017-01-01").empty());
}

TEST_CASE("times of trips are as people write them") {
  CHECK(*parse_trip_time("1970-01-02") == 86'400'000'000);
  CHECK(*parse_trip_time(" 1970-01-01 00:00:01.25 ") == 1'250'000);
  CHECK(*parse_trip_time("2016-02-29T23:59:59.000001") == 1456790399000001);
  for (const char* text : {"", "yesterday", "2016-1-1", "2015-02-29", "2016-01-01 12",
                           "2016-01-01 24:00:00", "2016-01-01 12:00:60", "2016-01-01 12:00:00.",
                           "2016-01-01 12:00:00Z", "2016-01-01 12:00:00.1234567", "20160101"})
    CHECK_FALSE(parse_trip_time(text).ok());
}

TEST_CASE("what can't be read is said with its line") {
  CHECK(wrong("") == ": it is empty");
  CHECK(wrong("pickup_datetime,passenger_count\n") == "line 1: it has no column pickup_longitude");
  CHECK(wrong(kTrips + "yesterday,1,-74,40\n") == "line 10: 'yesterday' is no time");
  CHECK(wrong(kTrips + "2016-01-01 12:00:40,1,-74\n") == "line 10: there is no number");
  CHECK(wrong(kTrips + "2016-01-01 12:00:40,1e9,-74,40.7\n") ==
        "line 10: there are more than 20 million passengers up to here");
  CHECK(wrong(std::string(2 << 20, 'x')) == "line 1: it has more than 1 MiB");
  const auto why = [](const std::string& more) {
    const auto cells = parse_topology(kTopology + more);
    return cells.ok() ? "read" : cells.error().where + ": " + cells.error().why;
  };
  CHECK(why("LTE,4,nan,40.7,1\n") == "line 5: 'nan' isn't a number: a finite one is wanted");
  CHECK(why("LTE,4,-74,40.7,../0\n") == "line 5: a file can't be named after the cloudlet '../0'");
  CHECK(why("LTE,4,-74,40.7,\n") == "line 5: a file can't be named after the cloudlet ''");
}

}  // namespace galileo::load
