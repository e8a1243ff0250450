// What a run's requests came to, moment by moment: quarters of a second, of which the last four are
// the state's window and all become points of a second, ten seconds and a minute. Histograms are
// merged, never percentiles. Value; one thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/histogram.h"
#include "experiment/run_watcher.h"
#include "wire/trace.h"

namespace galileo::commands {

struct LiveCounts {
  Histogram latency;
  Histogram lateness;
  std::map<std::string, std::uint64_t> errors;  // by kind

  void add(const wire::Trace& trace, const wire::Names& names);
  void merge(const LiveCounts& other);
  void clear() { *this = LiveCounts(); }
};

// Of a run so far.
struct LiveTotals {
  std::uint64_t intended = 0;
  std::uint64_t answered = 0;
  std::uint64_t failed = 0;
  std::uint64_t in_flight = 0;
};

struct LivePoint {
  int every_s = 1;
  Wall end = kNoWall;
  LiveTotals totals;  // within it, but in_flight
  LiveCounts counts;
};

class LiveSeries {
 public:
  // Quarters come in order; points that are whole now.
  std::vector<LivePoint> add(const LiveCounts& quarter, const LiveTotals& totals, Wall now);
  // Those that were begun.
  std::vector<LivePoint> end(Wall now);

  LiveCounts window() const;  // the last second
  const LiveCounts& total() const { return total_; }

 private:
  struct Series {
    int every_s = 1;
    std::uint64_t quarters = 0;
    LiveTotals before;
    LiveCounts counts;
  };
  static Series series_of(int every_s);
  LivePoint point_of(Series& series, Wall now);

  std::array<LiveCounts, 4> last_;
  std::uint64_t quarters_ = 0;
  LiveCounts total_;
  LiveTotals totals_;
  std::array<Series, 3> series_{series_of(1), series_of(10), series_of(60)};
};

// {"count", "p50", ..., "max"}: null where too few say so.
nlohmann::ordered_json latency_json(const Histogram& latency);
nlohmann::ordered_json lateness_json(const Histogram& lateness);
nlohmann::ordered_json errors_json(const std::map<std::string, std::uint64_t>& errors);

}  // namespace galileo::commands
