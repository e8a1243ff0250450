// What a threshold can measure of a run's requests, after the warm-up. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/summary.h"
#include "analysis/threshold_units.h"
#include "analysis/thresholds.h"

namespace galileo::analysis {

// A value as far as it is known, or why it isn't.
struct Measured {
  std::optional<double> value;
  bool at_least = false;  // requests that were never answered took longer
  std::string why_not = {};
};
Measured unknown(std::string why);

// A row of threshold_metrics.def, which the file's reader, the help and the judge go by.
struct ThresholdMetric {
  std::string_view name;
  Dimension dimension;
  bool by_outcome;
  bool by_group;
  std::string_view text;
  Measured (*measure)(const Threshold& threshold, const Summary& summary);
  // A time does; the others are one number.
  bool takes_function() const { return dimension == Dimension::kTime; }
};
const std::vector<ThresholdMetric>& threshold_metrics();
// Null: there is none of that name.
const ThresholdMetric* threshold_metric(std::string_view name);

// What a threshold asks of is, where it names a group: that one; null: no request was in it.
const GroupFigures* group_of(const Threshold& threshold, const Summary& summary);
// Requests of the group, or of all, that count.
std::uint64_t counted_of(const Threshold& threshold, const Summary& summary);
// The times that a metric with a function is of; nothing: no request was in the group.
std::optional<Latencies> latencies_of(const Threshold& threshold, const Summary& summary);
// What the threshold's function makes of them.
Measured measure_times(const Threshold& threshold, const Latencies& latency);
// Whether the value, which is known, is within the threshold's limit.
bool holds(const Measured& measured, const Threshold& threshold);

// 0.95 for p95; nothing for min, mean, max and what is no function.
std::optional<double> percentile_of(std::string_view function);

}  // namespace galileo::analysis
