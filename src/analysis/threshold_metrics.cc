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

// `figure` of the group that the threshold names.
template <class F>
Measured of_group(const Threshold& threshold, const Summary& summary, F&& figure) {
  if (const GroupFigures* const group = group_of(threshold, summary)) return figure(*group);
  return unknown(fmt::format("no request had the {} '{}'", threshold.group, threshold.group_name));
}

Measured of_rate(const Rates& rates, double rps) {
  if (rates.span_s <= 0) return unknown("too few requests were due to tell a rate");
  return {rps};
}

Measured of_latencies(const Threshold& threshold, const Summary& summary) {
  if (const auto latency = latencies_of(threshold, summary))
    return measure_times(threshold, *latency);
  return unknown(fmt::format("no request had the {} '{}'", threshold.group, threshold.group_name));
}

Measured measure_latency(const Threshold& threshold, const Summary& summary) {
  return of_latencies(threshold, summary);
}

Measured measure_dispatch_error(const Threshold& threshold, const Summary& summary) {
  return of_latencies(threshold, summary);
}

Measured measure_service_time(const Threshold& threshold, const Summary& summary) {
  return of_latencies(threshold, summary);
}

Measured measure_intended(const Threshold& threshold, const Summary& summary) {
  if (threshold.group.empty()) return number(summary.counted());
  return of_group(threshold, summary,
                  [](const GroupFigures& group) { return number(group.intended); });
}

Measured measure_sent(const Threshold& threshold, const Summary& summary) {
  if (threshold.group.empty()) return number(summary.counted() - summary.not_sent());
  return of_group(threshold, summary, [](const GroupFigures& group) {
    return number(group.intended - group.not_sent);
  });
}

Measured measure_not_sent(const Threshold& threshold, const Summary& summary) {
  if (threshold.group.empty()) return number(summary.not_sent());
  return of_group(threshold, summary,
                  [](const GroupFigures& group) { return number(group.not_sent); });
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

// Of one group over its own span.
Measured measure_offered(const Threshold& threshold, const Summary& summary) {
  const auto offered = [](const Rates& rates) { return of_rate(rates, rates.offered_rps); };
  if (threshold.group.empty()) return offered(summary.rates());
  return of_group(threshold, summary,
                  [&](const GroupFigures& group) { return offered(rates_of(group)); });
}

Measured measure_achieved(const Threshold& threshold, const Summary& summary) {
  const auto achieved = [](const Rates& rates) { return of_rate(rates, rates.achieved_rps); };
  if (threshold.group.empty()) return achieved(summary.rates());
  return of_group(threshold, summary,
                  [&](const GroupFigures& group) { return achieved(rates_of(group)); });
}

Measured measure_error_rate(const Threshold& threshold, const Summary& summary) {
  const auto share = [](std::uint64_t counted, std::uint64_t answered) -> Measured {
    if (counted == 0) return unknown("there was no request");
    return {static_cast<double>(counted - answered) / static_cast<double>(counted)};
  };
  if (threshold.group.empty())
    return share(summary.counted(), summary.latencies().answered.count());
  return of_group(threshold, summary,
                  [&](const GroupFigures& group) { return share(group.intended, group.answered); });
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

const GroupFigures* group_of(const Threshold& threshold, const Summary& summary) {
  const std::vector<GroupFigures>& rows = threshold.group == "service"  ? summary.services()
                                          : threshold.group == "server" ? summary.servers()
                                          : threshold.group == "worker" ? summary.workers()
                                                                        : summary.phases();
  const auto row = std::find_if(rows.begin(), rows.end(), [&](const GroupFigures& one) {
    return one.name == threshold.group_name;
  });
  return row == rows.end() ? nullptr : &*row;
}

std::uint64_t counted_of(const Threshold& threshold, const Summary& summary) {
  if (threshold.group.empty()) return summary.counted();
  const GroupFigures* const group = group_of(threshold, summary);
  return group ? group->intended : 0;
}

std::optional<Latencies> latencies_of(const Threshold& threshold, const Summary& summary) {
  if (threshold.metric == "dispatch_error") {
    Latencies made;
    made.answered = summary.dispatch_error();
    return made;
  }
  if (threshold.metric == "service_time") return summary.service_times();
  if (threshold.group.empty()) return summary.latencies();
  const GroupFigures* const group = group_of(threshold, summary);
  return group ? std::optional(group->latency) : std::nullopt;
}

Measured measure_times(const Threshold& threshold, const Latencies& latency) {
  if (threshold.outcome == "answered")
    return of_times(times_of(latency.answered), threshold.function);
  if (threshold.outcome == "failed") return of_times(times_of(latency.failed), threshold.function);
  return of_times(latency.all(), threshold.function);
}

// What is at least its value is, of a request that was never answered, beyond every limit.
bool holds(const Measured& measured, const Threshold& threshold) {
  const std::string_view comparison = threshold.comparison;
  if (measured.at_least) return comparison == ">" || comparison == ">=" || comparison == "!=";
  const double value = *measured.value;
  if (comparison == "<") return value < threshold.limit;
  if (comparison == "<=") return value <= threshold.limit;
  if (comparison == ">") return value > threshold.limit;
  if (comparison == ">=") return value >= threshold.limit;
  if (comparison == "==") return value == threshold.limit;
  return value != threshold.limit;
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
