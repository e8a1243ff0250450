// Limits that a run is to keep to, one expression each.
//
//   expression = [ function "(" ] metric [ ")" ] operator number unit
//   function   = min | mean | max | p50 | p90 | p95 | p99 | p99.9 | p<any number up to 100>
//   metric     = latency | dispatch_error | service_time          (with a function; times)
//              | intended | sent | not_sent | answered | failed | in_flight | retried   (counts)
//              | offered | achieved                               (rates, /s where nothing is said)
//              | error_rate                                       (share of requests)
//              | checks[(<name>)]                                 (share of those that ran)
//              | <telemetry metric>[/<subsystem>]                 (with min, mean or max)
//   latency and service_time may be followed by [answered], [failed] or [all], which they are of
//   where nothing is said; latency, counts, rates and error_rate by {service=name},
//   {server=host:port}, {phase=name} or {worker=name}; telemetry by {node=name}
//   operator   = < | <= | > | >= | == | !=
//   unit       = of the metric's dimension (analysis/threshold_units.h)
//
// Examples: p95(latency) < 50ms, failed == 0, error_rate < 1%, max(process_rss/hello) < 100MiB.
// Pure functions.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/summary.h"
#include "analysis/telemetry_series.h"
#include "analysis/threshold_units.h"
#include "base/result.h"

namespace galileo::analysis {

struct Threshold {
  std::string expression;  // as written
  std::string function;    // empty: none
  std::string metric;
  std::string subsystem;  // of checks: the name
  std::string outcome;    // "answered", "failed"; empty: all
  std::string group;      // "service", "server", "phase", "worker", "node"; empty: all
  std::string group_name;
  std::string comparison;
  double limit = 0;  // in base units: seconds, bytes, shares, counts
};

struct ThresholdResult {
  std::string expression;
  std::optional<double> value;  // nothing: not known
  double limit = 0;
  std::string unit;  // "s", "rps", "" ...
  bool passed = false;
  bool at_least = false;  // the value: requests that were never answered took longer
  // Why nobody can say whether it holds, and it hasn't passed; empty: it is decided.
  std::string undecided = {};
  // Why it couldn't be met any more, so that the run was ended; it hasn't passed then. Empty: it
  // didn't end the run.
  std::string proof = {};
};

// Checks names, functions and units too. The Error says where in the expression it stopped, and
// what was expected; what names of a plan it may use, check_threshold() knows.
Result<Threshold> parse_threshold(std::string_view text);

// Judges by the requests and samples after the warm-up.
ThresholdResult evaluate(const Threshold& threshold, const Summary& summary,
                         const TelemetrySeries& telemetry);

// "✓", "✗" or, where it isn't decidable, "?".
std::string_view mark_of(const ThresholdResult& result);
// What was measured, in words: "12.3ms", "≥500ms", "not decidable: ...".
std::string measured_text(const ThresholdResult& result);

// Metrics of telemetry that a threshold can name, by the instruments that read them.
struct TelemetryMetric {
  std::string name;
  std::string instrument;
};
const std::vector<TelemetryMetric>& telemetry_metrics();

}  // namespace galileo::analysis
