#include "analysis/threshold_metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace galileo::analysis {
namespace {

Measured number(std::uint64_t count) {
  return {static_cast<double>(count)};
}

Measured of_times(const Times& times, std::string_view function) {
  if (times.count() == 0) return unknown("there was no such request");
  const std::optional<double> share = percentile_of(function);
  const std::optional<Bound> bound = function == "min"    ? times.min()
                                     : function == "mean" ? times.mean()
                                     : function == "max"  ? times.max()
                                                          : times.percentile(share.value_or(1));
  if (bound) return {to_seconds(bound->value), bound->at_least};
  const double past = std::min(*share, 1 - *share);
  return unknown(fmt::format(
      "{} of {} requests: at least {} are needed", function, format_count(times.count()),
      format_count(static_cast<std::uint64_t>(std::ceil(Times::kPastMin / past - 1e-6)))));
}

Measured of_latencies(const Threshold& threshold, const Latencies& latency) {
  if (threshold.outcome == "answered")
    return of_times(times_of(latency.answered), threshold.function);
  if (threshold.outcome == "failed") return of_times(times_of(latency.failed), threshold.function);
  return of_times(latency.all(), threshold.function);
}

const GroupFigures* find_group(const Threshold& threshold, const Summary& summary) {
  const std::vector<GroupFigures>& rows = threshold.group == "service"  ? summary.services()
                                          : threshold.group == "server" ? summary.servers()
                                                                        : summary.phases();
  for (const GroupFigures& row : rows) {
    if (row.name == threshold.group_name) return &row;
  }
  return nullptr;
}

// `figure` of the group that the threshold names.
template <class F>
Measured of_group(const Threshold& threshold, const Summary& summary, F&& figure) {
  if (const GroupFigures* const group = find_group(threshold, summary)) return figure(*group);
  return unknown(fmt::format("no request had the {} '{}'", threshold.group, threshold.group_name));
}

Measured of_rate(const Rates& rates, double rps) {
  if (rates.span_s <= 0) return unknown("too few requests were due to tell a rate");
  return {rps};
}

Measured measure_latency(const Threshold& threshold, const Summary& summary) {
  if (threshold.group.empty()) return of_latencies(threshold, summary.latencies());
  return of_group(threshold, summary, [&](const GroupFigures& group) {
    return of_latencies(threshold, group.latency);
  });
}

Measured measure_dispatch_error(const Threshold& threshold, const Summary& summary) {
  return of_times(times_of(summary.dispatch_error()), threshold.function);
}

Measured measure_service_time(const Threshold& threshold, const Summary& summary) {
  return of_latencies(threshold, summary.service_times());
}

Measured measure_intended(const Threshold&, const Summary& summary) {
  return number(summary.counted());
}

Measured measure_sent(const Threshold&, const Summary& summary) {
  return number(summary.counted() - summary.not_sent());
}

Measured measure_not_sent(const Threshold&, const Summary& summary) {
  return number(summary.not_sent());
}

Measured measure_answered(const Threshold& threshold, const Summary& summary) {
  if (threshold.group.empty()) return number(summary.latencies().answered.count());
  return of_group(threshold, summary,
                  [](const GroupFigures& group) { return number(group.answered); });
}

Measured measure_failed(const Threshold& threshold, const Summary& summary) {
  if (threshold.group.empty()) return number(summary.failed());
  return of_group(threshold, summary,
                  [](const GroupFigures& group) { return number(group.failed); });
}

Measured measure_in_flight(const Threshold&, const Summary& summary) {
  return number(summary.ledger().in_flight_at_end);
}

Measured measure_retried(const Threshold&, const Summary& summary) {
  return number(summary.ledger().retried);
}

Measured measure_offered(const Threshold&, const Summary& summary) {
  const Rates rates = summary.rates();
  return of_rate(rates, rates.offered_rps);
}

Measured measure_achieved(const Threshold&, const Summary& summary) {
  const Rates rates = summary.rates();
  return of_rate(rates, rates.achieved_rps);
}

Measured measure_error_rate(const Threshold&, const Summary& summary) {
  const auto counted = static_cast<double>(summary.counted());
  const auto answered = static_cast<double>(summary.latencies().answered.count());
  if (counted == 0) return unknown("there was no request");
  return {(counted - answered) / counted};
}

Measured measure_checks(const Threshold& threshold, const Summary& summary) {
  CheckFigures all;
  for (const CheckFigures& check : summary.checks()) {
    if (!threshold.subsystem.empty() && check.name != threshold.subsystem) continue;
    all.passed += check.passed;
    all.failed += check.failed;
  }
  if (all.ran() > 0) return {static_cast<double>(all.passed) / static_cast<double>(all.ran())};
  return unknown(threshold.subsystem.empty()
                     ? "no check ran"
                     : fmt::format("the check '{}' never ran", threshold.subsystem));
}

}  // namespace

const std::vector<ThresholdMetric>& threshold_metrics() {
  using enum Dimension;
  static const std::vector<ThresholdMetric> rows{
#define METRIC(name, dimension, by_outcome, by_group, text) \
  {#name, dimension, by_outcome, by_group, text, &measure_##name},
#include "analysis/threshold_metrics.def"
#undef METRIC
  };
  return rows;
}

const ThresholdMetric* threshold_metric(std::string_view name) {
  const auto& rows = threshold_metrics();
  const auto row = std::find_if(rows.begin(), rows.end(),
                                [&](const ThresholdMetric& one) { return one.name == name; });
  return row == rows.end() ? nullptr : &*row;
}

std::optional<double> percentile_of(std::string_view function) {
  if (function.size() < 2 || function[0] != 'p') return std::nullopt;
  const auto percent = parse_number(function.substr(1));
  if (!percent || *percent < 0 || *percent > 100) return std::nullopt;
  return *percent / 100;
}

Measured unknown(std::string why) {
  return {std::nullopt, false, std::move(why)};
}

}  // namespace galileo::analysis
