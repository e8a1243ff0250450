#include "analysis/out_of_reach.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "analysis/threshold_metrics.h"
#include "base/text.h"

namespace galileo::analysis {
namespace {

// Far above every limit, and small enough for its square to be a number.
constexpr Duration kEndless{std::numeric_limits<std::int64_t>::max() / 4};

bool wants_less(const Threshold& threshold) {
  return threshold.comparison == "<" || threshold.comparison == "<=";
}

bool wants_more(const Threshold& threshold) {
  return threshold.comparison == ">" || threshold.comparison == ">=";
}

bool is_count(const Threshold& threshold) {
  const ThresholdMetric* const metric = threshold_metric(threshold.metric);
  return metric && metric->dimension == Dimension::kCount;
}

// All of these only ever grow.
ProofBy proof_of_count(const Threshold& threshold) {
  if (threshold.metric == "in_flight" || threshold.comparison == "!=") return ProofBy::kNothing;
  return wants_more(threshold) ? ProofBy::kRequests : ProofBy::kCounts;
}

// Of times and telemetry: the largest of them only grows, the least only falls.
bool is_extreme(const Threshold& threshold) {
  return (threshold.function == "max" && wants_less(threshold)) ||
         (threshold.function == "min" && wants_more(threshold));
}

// Requests of the threshold's group that are over.
std::uint64_t over_of(const Threshold& threshold, const Summary& summary) {
  if (threshold.group.empty()) return summary.ledger().intended;
  const GroupFigures* const group = group_of(threshold, summary);
  return group ? group->intended : 0;
}

std::uint64_t left_of(const Threshold& threshold, const Summary& summary, std::uint64_t most) {
  return most - std::min(most, over_of(threshold, summary));
}

// "51 took 50ms or longer, 50 may": the values that don't hold, and how many of all may not.
std::string count_text(const Threshold& threshold, const Times& times) {
  const auto share = percentile_of(threshold.function);
  if (!share || !wants_less(threshold)) return {};
  std::uint64_t beyond = 0;
  times.values.each([&](Duration lower, Duration upper, std::uint64_t count) {
    const Duration middle =
        std::clamp(lower + (upper - lower) / 2, times.values.min(), times.values.max());
    if (!holds({to_seconds(middle)}, threshold)) beyond += count;
  });
  beyond = std::max(beyond, times.unbounded);
  const auto n = static_cast<double>(times.count());
  const auto may = static_cast<std::uint64_t>(std::max(0.0, n - std::ceil(*share * n - 1e-9)));
  return fmt::format("; {} didn't keep to {}, and at most {} may", format_count(beyond),
                     format_value(threshold.limit, "s"), format_count(may));
}

std::string proof_text(const Threshold& threshold, std::uint64_t over, std::uint64_t most,
                       const Measured& best, std::string_view counts) {
  ThresholdResult shown;
  shown.value = best.value;
  shown.at_least = best.at_least;
  shown.unit = base_unit(scale_of(threshold.metric, threshold.subsystem).dimension);
  return fmt::format(
      "{} of at most {} requests were over{}; were all others as good as can be, it would be {}",
      format_count(over), format_count(most), counts, measured_text(shown));
}

// What the times become when so many more are as good as can be.
Latencies at_best(const Threshold& threshold, const Latencies& latency, std::uint64_t more) {
  Latencies best = latency;
  Histogram& of = threshold.outcome == "failed" ? best.failed : best.answered;
  of.add(wants_less(threshold) ? Duration{0} : kEndless, more);
  return best;
}

std::string of_times_at_best(const Threshold& threshold, const Summary& summary,
                             std::uint64_t most) {
  const std::uint64_t more = left_of(threshold, summary, most);
  // A histogram's bucket takes no more; nobody is told that it can't be met then.
  if (more > std::numeric_limits<std::uint32_t>::max() / 2) return {};
  const std::optional<Latencies> latency = latencies_of(threshold, summary);
  if (!latency) return {};
  const Latencies best = at_best(threshold, *latency, more);
  const Measured measured = measure_times(threshold, best);
  if (!measured.value || holds(measured, threshold)) return {};
  const Times times = threshold.outcome == "answered" ? times_of(best.answered)
                      : threshold.outcome == "failed" ? times_of(best.failed)
                                                      : best.all();
  return proof_text(threshold, most - more, most, measured, count_text(threshold, times));
}

// Counts and shares, of which a request that is yet to come adds one at most.
std::string of_counts_at_best(const Threshold& threshold, const Summary& summary,
                              const AtMost& at_most) {
  const std::uint64_t most = at_most.requests.value_or(0);
  const std::uint64_t left = left_of(threshold, summary, most);
  const auto measured = threshold_metric(threshold.metric)->measure(threshold, summary);
  if (threshold.metric == "error_rate") {
    const std::uint64_t counted = counted_of(threshold, summary);
    const double bad = measured.value.value_or(0) * static_cast<double>(counted);
    const auto of = static_cast<double>(counted + left);
    if (of <= 0) return {};
    const Measured best{wants_more(threshold) ? (bad + static_cast<double>(left)) / of : bad / of};
    if (holds(best, threshold)) return {};
    return proof_text(threshold, most - left, most, best,
                      fmt::format("; {:.0f} of them weren't answered", bad));
  }
  const Measured best{measured.value.value_or(0) + static_cast<double>(left)};
  if (holds(best, threshold)) return {};
  return proof_text(threshold, most - left, most, best, "");
}

// Only the first check that an answer failed is known while the run goes on, and that one did fail.
std::string of_checks_at_best(const Threshold& threshold, const Summary& summary,
                              const AtMost& at_most) {
  std::uint64_t missed = 0;
  for (const auto& [name, count] : summary.missed_checks()) {
    if (threshold.subsystem.empty() || threshold.subsystem == name) missed += count;
  }
  const std::uint64_t most = *at_most.requests * std::max<std::uint64_t>(at_most.checks, 1);
  if (most == 0 || missed == 0) return {};
  const Measured best{1 - static_cast<double>(std::min(missed, most)) / static_cast<double>(most)};
  if (holds(best, threshold)) return {};
  return fmt::format("{} checks failed of at most {}; did all others pass, it would be {:.3g}%",
                     format_count(missed), format_count(most), *best.value * 100);
}

}  // namespace

ProofBy proof_of(const Threshold& threshold) {
  if (is_count(threshold)) return proof_of_count(threshold);
  if (!wants_less(threshold) && !wants_more(threshold)) return ProofBy::kNothing;
  if (is_extreme(threshold)) return ProofBy::kCounts;
  const ThresholdMetric* const metric = threshold_metric(threshold.metric);
  if (!metric || metric->dimension == Dimension::kRate) return ProofBy::kNothing;
  if (threshold.metric == "checks" && wants_less(threshold)) return ProofBy::kNothing;
  return ProofBy::kRequests;
}

std::string out_of_reach(const Threshold& threshold, const Summary& summary,
                         const TelemetrySeries& telemetry, const AtMost& at_most) {
  const ProofBy by = proof_of(threshold);
  if (by == ProofBy::kNothing) return {};
  const ThresholdResult now = evaluate(threshold, summary, telemetry);
  if (by == ProofBy::kCounts) {
    const bool is_short = threshold.comparison == "==" && now.value < threshold.limit;
    if (!now.value || now.passed || is_short) return {};
    return fmt::format("it was {} already", measured_text(now));
  }
  if (!at_most.requests) return {};
  if (threshold.metric == "checks") return of_checks_at_best(threshold, summary, at_most);
  if (now.passed) return {};
  const ThresholdMetric* const metric = threshold_metric(threshold.metric);
  return metric->takes_function() ? of_times_at_best(threshold, summary, *at_most.requests)
                                  : of_counts_at_best(threshold, summary, at_most);
}

}  // namespace galileo::analysis
