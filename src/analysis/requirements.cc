#include "analysis/requirements.h"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/balance.h"
#include "base/text.h"

namespace galileo::analysis {
namespace {

Requirement of_verdict(const Verdict& verdict) {
  Requirement made{"the result can be trusted", verdict_name(verdict.value),
                   verdict.value != VerdictValue::kInvalid};
  for (const std::string& reason : verdict.reasons) made.text += "; " + reason;
  return made;
}

Requirement of_books(const RunResult& result) {
  const std::string imbalance = imbalance_of(result);
  return {"the books balance", imbalance.empty() ? "balanced" : imbalance, imbalance.empty()};
}

Requirement of_target(const load::Ledger& ledger) {
  return {"the target was reached",
          fmt::format("{} of {} requests were answered", format_count(ledger.answered),
                      format_count(ledger.intended)),
          !ledger.unreached()};
}

Requirement of_database(const Provenance& provenance) {
  const bool is_kept = provenance.database.empty() || provenance.spool.empty();
  return {"the database has all of it",
          is_kept ? "nothing is missing" : "the rest is in " + provenance.spool, is_kept};
}

Requirement of_end(const std::string& ended_early) {
  return {"the run came to its end", ended_early.empty() ? "as planned" : ended_early,
          ended_early.empty()};
}

Requirement of_threshold(const ThresholdResult& threshold) {
  std::string text = fmt::format("{} {}", mark_of(threshold), measured_text(threshold));
  if (!threshold.proof.empty()) text += "; " + threshold.proof;
  return {threshold.expression, std::move(text), threshold.passed};
}

}  // namespace

std::vector<Requirement> requirements_of(const RunResult& result) {
  std::vector<Requirement> all{of_verdict(result.verdict), of_end(result.ended_early),
                               of_target(result.ledger), of_books(result),
                               of_database(result.provenance)};
  for (const ThresholdResult& threshold : result.thresholds) all.push_back(of_threshold(threshold));
  std::vector<Requirement> ordered;
  for (const bool met : {false, true}) {
    for (const Requirement& one : all) {
      if (one.met == met) ordered.push_back(one);
    }
  }
  return ordered;
}

std::string verdict_line(const RunResult& result, int exit_code) {
  const auto held = std::count_if(result.thresholds.begin(), result.thresholds.end(),
                                  [](const ThresholdResult& one) { return one.passed; });
  return fmt::format("{}: {}, {} of {} thresholds held{}, exit code {}\n",
                     exit_code == 0 ? "PASSED" : "FAILED", verdict_name(result.verdict.value), held,
                     result.thresholds.size(), result.ended_early.empty() ? "" : ", ended early",
                     exit_code);
}

}  // namespace galileo::analysis
