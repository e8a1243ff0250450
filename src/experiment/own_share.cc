#include "experiment/own_share.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "experiment/latencies.h"

namespace galileo::experiment {
namespace {

// Less of it can't matter to what is measured through a network stack.
constexpr Duration kIgnored = std::chrono::microseconds{500};
// Less makes a result doubtful at most: nobody's conclusion hangs on a millisecond of a hiccup.
constexpr Duration kDoubtful = std::chrono::milliseconds{1};
// Shares of the percentile itself.
constexpr double kSuspect = 0.1;
constexpr double kInvalid = 0.5;
// Of the last thousandth a busy machine has always a few: that is doubtful, the rest may be right.
constexpr double kInvalidUpTo = 0.99;
constexpr double kSaturated = 0.95;
// Of a loop's time, and of its CPU time, that it waited for a core.
constexpr double kWaited = 0.02;
constexpr double kWaitedOfRan = 0.2;
constexpr double kThrottled = 0.005;
constexpr double kSteal = 0.02;
constexpr Duration kStoodStill = std::chrono::milliseconds{20};
// Of the machine that the target shares.
constexpr double kOfMachine = 0.1;
// Beginning and ending take CPU time too, which is no share of a run that is over at once.
constexpr Duration kLongEnough = std::chrono::seconds{1};

double of(Duration part, Duration whole) {
  return whole > Duration{0} ? to_seconds(part) / to_seconds(whole) : 0;
}

std::string name_of(double share) {
  return fmt::format("p{:g}", share * 100);
}

bool is_throttled(const GeneratorState& state) {
  return state.throttled_periods > 0 && of(state.throttled, state.lasted) >= kThrottled;
}

bool waits_for_core(const GeneratorState& state) {
  return of(state.waited_for_core, state.lasted) >= kWaited &&
         of(state.waited_for_core, state.ran) >= kWaitedOfRan;
}

// A group that is held back stands still, on new kernels.
bool stood_still(const GeneratorState& state) {
  return state.stood_still >= kStoodStill && state.throttled < state.stood_still / 2;
}

std::string waits_text(const GeneratorState& state) {
  const std::string how_long = fmt::format("a loop waited {} for a core ({:.0f} % of the run)",
                                           format_duration(state.waited_for_core),
                                           100 * of(state.waited_for_core, state.lasted));
  if (state.cores == 1)
    return how_long + (state.shares_machine
                           ? ": it has one core, which the target or others use too"
                           : ": it has one core, which others use too");
  return how_long + (state.shares_machine ? ": the target or others use its cores too"
                                          : ": others use its cores too");
}

// The percentiles of which a part is this, the worst first in what it means.
struct Affected {
  std::string percentiles;
  bool invalid = false;
};

template <class Part>
Affected affected(const GeneratorState& state, const Part& part) {
  Affected found;
  for (const OwnShare& one : state.shares) {
    const Duration own = part(one);
    const double share = of(own, one.latency);
    if (own <= kIgnored || share < kSuspect) continue;
    found.percentiles += fmt::format("{}{:.0f} % of {} ({})", found.percentiles.empty() ? "" : ", ",
                                     share * 100, name_of(one.share), format_duration(one.latency));
    found.invalid |= share >= kInvalid && own > kDoubtful && one.share <= kInvalidUpTo;
  }
  return found;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : "; ") + part;
  return text;
}

}  // namespace

std::vector<OwnShare> own_shares(const load::OwnTimes& times) {
  std::vector<OwnShare> shares;
  for (const double share : {0.5, 0.9, 0.95, 0.99, 0.999}) {
    const auto latency = times_of(times.latency).percentile(share);
    if (!latency) continue;
    const Duration without_own = times.without_own.percentile(share);
    const Duration without_wait = times.without_wait.percentile(share);
    shares.push_back({share, latency->value, std::max(Duration{0}, latency->value - without_own),
                      std::max(Duration{0}, without_own - without_wait)});
  }
  // Of a few requests nothing but the middle says anything, and that must do.
  if (const Histogram& all = times.latency; shares.empty() && all.count() > 0) {
    const Duration without_own = times.without_own.percentile(0.5);
    shares.push_back({0.5, all.percentile(0.5), all.percentile(0.5) - without_own,
                      without_own - times.without_wait.percentile(0.5)});
  }
  return shares;
}

std::vector<std::string> causes(const GeneratorState& state) {
  std::vector<std::string> found;
  if (stood_still(state))
    found.push_back(fmt::format("it stood still for {} (stopped, or the machine suspended)",
                                format_duration(state.stood_still)));
  if (is_throttled(state))
    found.push_back(fmt::format("its CPU quota held it back for {}, in {} periods",
                                format_duration(state.throttled),
                                format_count(state.throttled_periods)));
  if (state.steal_share >= kSteal)
    found.push_back(fmt::format("a hypervisor gave {:.0f} % of the machine's CPU time to others",
                                100 * state.steal_share));
  if (waits_for_core(state)) found.push_back(waits_text(state));
  if (state.busiest_loop_share > kSaturated)
    found.push_back(
        fmt::format("its busiest loop ran {:.0f} % of the time", 100 * state.busiest_loop_share));
  return found;
}

std::vector<Doubt> doubts_of_generator(const GeneratorState& state) {
  std::vector<Doubt> doubts;
  const std::vector<std::string> why = causes(state);
  const Affected own = affected(state, [](const OwnShare& one) { return one.own; });
  if (!own.percentiles.empty()) {
    const bool reading = state.read_late > state.sent_late;
    doubts.push_back(
        {own.invalid,
         fmt::format("the generator was late, mostly in {}: {} of its own doing; {}",
                     reading ? "reading answers that were there" : "sending", own.percentiles,
                     why.empty() ? "why wasn't seen" : "why: " + joined(why))});
  }
  const Affected wait = affected(state, [](const OwnShare& one) { return one.wait; });
  if (!wait.percentiles.empty())
    doubts.push_back(
        {wait.invalid, fmt::format("{} requests waited for one of the {} connections "
                                   "that may be open (-c, connections): {}",
                                   format_count(state.waited), format_count(state.connections_max),
                                   wait.percentiles)});
  // What percentiles don't show is told all the same where it is plain to see.
  if (own.percentiles.empty()) {
    if (stood_still(state) || is_throttled(state) || state.steal_share >= kSteal)
      doubts.push_back({false, "the generator was kept from its work: " + joined(why)});
    else if (waits_for_core(state))
      doubts.push_back({false, waits_text(state)});
  }
  if (state.busiest_loop_share > kSaturated)
    doubts.push_back(
        {false, fmt::format("the generator's CPU was saturated: its busiest loop ran {:.0f} % of "
                            "the time, so the figures may be the generator's own limit",
                            state.busiest_loop_share * 100)});
  if (state.shares_machine && state.machine_share > kOfMachine && state.lasted >= kLongEnough)
    doubts.push_back({false, fmt::format("the generator took {:.0f} % of the CPU of the machine "
                                         "that the target shares",
                                         100 * state.machine_share)});
  return doubts;
}

}  // namespace galileo::experiment
