// Thresholds: what a run must keep to, one expression each.
//
//   expression = [ function "(" ] metric [ "{" group "=" name "}" ] [ ")" ] operator number [ unit
//   ] function   = min | mean | max | p50 | p90 | p95 | p99 | p99.9 | p<any number up to 100>
//   metric     = latency | dispatch_error | service_time          (with a function; times)
//              | intended | sent | not_sent | answered | failed | in_flight | retried   (counts)
//              | offered | achieved                               (requests a second)
//              | error_rate                                       (share of requests, 0 to 1)
//              | <telemetry metric>[/<subsystem>]                 (with min, mean or max)
//   group      = service | server | phase                         (of latency, answered, failed)
//   operator   = < | <= | > | >= | == | !=
//   unit       = ns us ms s m h | % | k M G | KiB MiB GiB kB MB GB
//
// Examples: p95(latency) < 50ms, failed == 0, error_rate < 1%, max(process_rss/hello) < 100MiB.
// Pure functions.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "experiment/summary.h"
#include "experiment/telemetry_series.h"

namespace galileo::experiment {

struct Threshold {
  std::string expression;  // as written
  std::string function;    // empty: none
  std::string metric;
  std::string subsystem;
  std::string group;  // "service", "server", "phase"; empty: all
  std::string group_name;
  std::string comparison;
  double limit = 0;  // in base units: seconds, bytes, shares, counts
};

struct ThresholdResult {
  std::string expression;
  std::optional<double> value;  // nothing: there was no data, and the threshold is crossed
  double limit = 0;
  std::string unit;  // "s", "rps", "" ...
  bool passed = false;
};

// The Error says where in the expression it stopped, and what was expected.
Result<Threshold> parse_threshold(std::string_view text);

ThresholdResult evaluate(const Threshold& threshold, const Summary& summary,
                         const TelemetrySeries& telemetry);

// "12.3ms", "97.2", "no data".
std::string format_value(const std::optional<double>& value, std::string_view unit);

}  // namespace galileo::experiment
