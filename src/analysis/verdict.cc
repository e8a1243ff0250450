#include "analysis/verdict.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace galileo::analysis {
namespace {

// A scheduling delay below this can't matter to what is measured through a network stack.
constexpr Duration kDispatchIgnored = std::chrono::microseconds{500};
// Below this, a result is in doubt at most: nobody's conclusion hangs on a millisecond of a hiccup.
constexpr Duration kDispatchDoubtful = std::chrono::milliseconds{1};
// Shares of the latency's own percentile that the scheduling delay may make up.
constexpr double kDispatchSuspect = 0.1;
constexpr double kDispatchInvalid = 0.5;
// The last thousandth of a busy machine is doubtful, the rest may be right.
constexpr double kDispatchInvalidUpTo = 0.99;
constexpr double kLoopSaturated = 0.95;
constexpr double kRateSuspect = 0.98;  // sent of intended

class Judge {
 public:
  void suspect(std::string reason) { add(VerdictValue::kSuspect, std::move(reason)); }
  void invalid(std::string reason) { add(VerdictValue::kInvalid, std::move(reason)); }
  Verdict verdict;

 private:
  void add(VerdictValue value, std::string reason) {
    verdict.value = std::max(verdict.value, value);
    verdict.reasons.push_back(std::move(reason));
  }
};

void judge_ledger(Judge& judge, const Summary& summary, const load::Ledger& ledger) {
  if (const std::string imbalance = ledger.imbalance(); !imbalance.empty())
    judge.invalid("the books don't balance: " + imbalance);
  if (ledger.traces_lost > 0)
    judge.suspect(fmt::format("{} traces were lost", format_count(ledger.traces_lost)));
  else if (summary.ledger().traces_made != ledger.traces_made)
    judge.invalid(fmt::format("{} traces were made, {} were counted", ledger.traces_made,
                              summary.ledger().traces_made));
}

// How late requests went out, against the latencies that are claimed: all that is known of workers
// that don't tell their share.
void judge_dispatch(Judge& judge, const Summary& summary) {
  const Times latencies = summary.latencies().all();
  const Times dispatch = times_of(summary.dispatch_error());
  if (latencies.count() == 0) return;
  std::string late;
  bool invalid = false;
  for (const double quantile : {0.5, 0.9, 0.95, 0.99, 0.999}) {
    const Duration own = dispatch.values.percentile(quantile);
    const Duration latency = latencies.values.percentile(quantile);
    const double share = latency.count() > 0 ? to_seconds(own) / to_seconds(latency) : 1;
    const bool is_far = quantile > kDispatchInvalidUpTo;
    if (own <= kDispatchIgnored || share < kDispatchSuspect) continue;
    if (is_far && !dispatch.percentile(quantile)) continue;
    late += fmt::format("{}p{:g} of the scheduling delay is {}, {:.0f} % of the latency's {}",
                        late.empty() ? "" : "; ", quantile * 100, format_duration(own), share * 100,
                        format_duration(latency));
    invalid |= share >= kDispatchInvalid && own > kDispatchDoubtful && !is_far;
  }
  if (late.empty()) return;
  late = "requests went out late: " + late;
  invalid ? judge.invalid(std::move(late)) : judge.suspect(std::move(late));
}

void judge_sent(Judge& judge, const Summary& summary) {
  const load::Ledger& ledger = summary.ledger();
  const auto exhausted =
      ledger.of(wire::Failure::no_connection) + ledger.of(wire::Failure::no_socket);
  if (exhausted > 0)
    judge.invalid(fmt::format("connections were exhausted: {} requests never went out",
                              format_count(exhausted)));
  const double intended = static_cast<double>(ledger.intended);
  if (exhausted == 0 && intended > 0 && static_cast<double>(ledger.sent) < kRateSuspect * intended)
    judge.suspect(fmt::format("only {:.1f} % of the intended requests were sent",
                              100.0 * static_cast<double>(ledger.sent) / intended));
}

// An answer of an unwelcome kind is one all the same.
std::string nothing_good(const Summary& summary) {
  std::string codes;
  for (const auto& [code, count] : summary.status_codes())
    codes +=
        fmt::format("{}{} with status {}", codes.empty() ? "" : ", ", format_count(count), code);
  if (codes.empty()) return "no request was answered";
  const std::uint64_t unchecked = summary.ledger().of(wire::Failure::check);
  if (unchecked > 0) codes += fmt::format("; {} of them failed a check", format_count(unchecked));
  return "no answer was a good one: " + codes;
}

void judge_generator(Judge& judge, const GeneratorState& state) {
  for (Doubt& doubt : doubts_of_generator(state))
    doubt.invalid ? judge.invalid(std::move(doubt.reason)) : judge.suspect(std::move(doubt.reason));
}

}  // namespace

Verdict judge(const Summary& summary, const Evidence& evidence) {
  Judge judge;
  if (!evidence.broken_off.empty()) judge.invalid(evidence.broken_off);
  judge_ledger(judge, summary, evidence.ledger);
  if (summary.counted() == 0) {
    judge.invalid(summary.warmup() > 0 ? "the run ended within its warm-up"
                                       : "no request became due");
    return judge.verdict;
  }
  judge_sent(judge, summary);
  if (evidence.generator)
    judge_generator(judge, *evidence.generator);
  else if (evidence.busiest_loop_share > kLoopSaturated)
    judge.suspect(
        fmt::format("the generator's CPU was saturated: its busiest loop ran {:.0f} % of "
                    "the time, so the figures may be the generator's own limit",
                    evidence.busiest_loop_share * 100));
  if (!evidence.generator || evidence.some_dont_tell) judge_dispatch(judge, summary);
  if (evidence.ledger.unreached())
    judge.suspect("no connection could be made; is what you load started, and its port right?");
  else if (summary.latency().count() == 0)
    judge.suspect(nothing_good(summary));
  for (const std::string& doubt : evidence.doubts) judge.suspect(doubt);
  if (evidence.interrupted) judge.suspect("the run was ended by a signal before it was done");
  return judge.verdict;
}

const char* verdict_name(VerdictValue value) {
  switch (value) {
    case VerdictValue::kValid:
      return "VALID";
    case VerdictValue::kSuspect:
      return "SUSPECT";
    case VerdictValue::kInvalid:
      return "INVALID";
  }
  return "";
}

}  // namespace galileo::analysis
