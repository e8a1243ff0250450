#include "experiment/verdict.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace galileo::experiment {
namespace {

// A dispatch error below this can't matter to what is measured through a network stack.
constexpr Duration kDispatchIgnored = std::chrono::microseconds{500};
// Below this, a result is in doubt at most: nobody's conclusion hangs on a millisecond of a hiccup.
constexpr Duration kDispatchDoubtful = std::chrono::milliseconds{1};
// Shares of the latency's own percentile that the dispatch error may make up.
constexpr double kDispatchSuspect = 0.1;
constexpr double kDispatchInvalid = 0.5;
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

void judge_books(Judge& judge, const Summary& summary, const load::Ledger& ledger) {
  if (const std::string imbalance = ledger.imbalance(); !imbalance.empty())
    judge.invalid("the books don't balance: " + imbalance);
  if (ledger.traces_lost > 0)
    judge.suspect(fmt::format("{} traces were lost", format_count(ledger.traces_lost)));
  else if (summary.ledger().traces_made != ledger.traces_made)
    judge.invalid(fmt::format("{} traces were made, {} were counted", ledger.traces_made,
                              summary.ledger().traces_made));
}

// How late requests went out, against the latencies that are claimed.
void judge_dispatch(Judge& judge, const Summary& summary) {
  const Duration late = summary.dispatch_error().percentile(0.99);
  if (late <= kDispatchIgnored || summary.latency().count() == 0) return;
  const Duration latency = summary.latency().percentile(0.99);
  const double share = latency.count() > 0 ? to_seconds(late) / to_seconds(latency) : 1;
  const std::string reason = fmt::format(
      "requests went out late: p99 of the dispatch error is {}, {:.0f} % of the p99 "
      "latency {}",
      format_duration(late), share * 100, format_duration(latency));
  if (share >= kDispatchInvalid && late > kDispatchDoubtful)
    judge.invalid(reason);
  else if (share >= kDispatchSuspect)
    judge.suspect(reason);
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
  return "no answer was a good one: " + codes;
}

}  // namespace

Verdict judge(const Summary& summary, const Evidence& evidence) {
  Judge judge;
  judge_books(judge, summary, evidence.ledger);
  if (summary.counted() == 0) {
    judge.invalid(summary.warmup() > 0 ? "the run ended within its warm-up"
                                       : "no request became due");
    return judge.verdict;
  }
  judge_dispatch(judge, summary);
  judge_sent(judge, summary);
  if (evidence.busiest_loop_share > kLoopSaturated)
    judge.suspect(
        fmt::format("the generator's CPU was saturated: its busiest loop ran {:.0f} % of "
                    "the time, so the figures may be the generator's own limit",
                    evidence.busiest_loop_share * 100));
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

}  // namespace galileo::experiment
