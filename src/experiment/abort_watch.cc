#include "experiment/abort_watch.h"

#include <fmt/format.h>

#include <utility>

#include "base/text.h"
#include "plan/threshold_abort.h"

namespace galileo::experiment {

AbortWatch::AbortWatch(const plan::Plan& plan) {
  for (const plan::PlannedThreshold& planned : plan.thresholds) {
    auto threshold = analysis::parse_threshold(planned.expression);
    if (!threshold.ok()) continue;
    if (planned.abort)
      rules_.push_back({all_.size(), plan::at_most(plan, *threshold),
                        plan::at_most(plan, *threshold, plan::CountBy::kNumber), planned.lasting});
    all_.push_back(std::move(*threshold));
  }
}

void AbortWatch::forget_rates() {
  for (Rule& rule : rules_) rule.at_most = rule.at_most_by_number;
}

// What can't be decided isn't crossed, and begins anew.
std::string AbortWatch::crossed_for(Rule& rule, Time now, const analysis::ThresholdResult& result) {
  if (result.passed || !result.value) {
    rule.crossed_since.reset();
    return {};
  }
  if (!rule.crossed_since) rule.crossed_since = now;
  if (now - *rule.crossed_since < *rule.lasting) return {};
  return fmt::format("it was crossed for {} on end, and is {} over all so far",
                     format_duration(*rule.lasting), measured_text(result));
}

bool AbortWatch::look(Time now, const analysis::Summary& summary,
                      const analysis::TelemetrySeries& telemetry) {
  for (Rule& rule : rules_) {
    if (found_) break;
    const analysis::Threshold& threshold = all_[rule.place];
    std::string proof = out_of_reach(threshold, summary, telemetry, rule.at_most);
    if (proof.empty() && rule.lasting)
      proof = crossed_for(rule, now, evaluate(threshold, summary, telemetry));
    if (!proof.empty()) found_ = Found{rule.place, std::move(proof)};
  }
  return found_.has_value();
}

std::string AbortWatch::expression() const {
  return found_ ? all_[found_->place].expression : std::string();
}

std::string AbortWatch::why() const {
  return found_ ? fmt::format("the threshold '{}' ended the run: {}", expression(), found_->proof)
                : std::string();
}

std::vector<analysis::ThresholdResult> AbortWatch::judge(
    const analysis::Summary& summary, const analysis::TelemetrySeries& telemetry) const {
  std::vector<analysis::ThresholdResult> results;
  for (const analysis::Threshold& threshold : all_)
    results.push_back(evaluate(threshold, summary, telemetry));
  if (!found_) return results;
  results[found_->place].passed = false;
  results[found_->place].proof = found_->proof;
  return results;
}

}  // namespace galileo::experiment
