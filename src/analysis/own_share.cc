#include "analysis/own_share.h"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/latencies.h"
#include "base/text.h"

namespace galileo::analysis {
namespace {

// Less of it can't matter to what is measured through a network stack.
constexpr Duration kIgnored = std::chrono::microseconds{500};
// Less makes a result doubtful at most: nobody's conclusion hangs on a millisecond of a hiccup.
constexpr Duration kDoubtful = std::chrono::milliseconds{1};
// Shares of the percentile itself.
constexpr double kSuspect = 0.1;
constexpr double kInvalid = 0.5;
// A busy machine always has a few in the last thousandth: doubtful, and the rest may be right.
constexpr double kInvalidUpTo = 0.99;
constexpr double kSaturated = 0.95;
// Shares of a loop's time, and of its CPU time, that it waited for a core.
constexpr double kWaited = 0.02;
constexpr double kWaitedOfRan = 0.2;
constexpr double kThrottled = 0.005;
constexpr double kSteal = 0.02;
constexpr Duration kStoodStill = std::chrono::milliseconds{20};
// The share of a machine that the target is on, too.
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

// "the generator", "worker w1".
std::string who(const GeneratorState& state) {
  return state.worker.empty() ? "the generator" : "worker " + state.worker;
}

// Each process: the workers, or the one that it is.
template <class F>
void each_process(const GeneratorState& state, F&& f) {
  if (state.workers.empty()) return f(state);
  for (const GeneratorState& worker : state.workers) f(worker);
}

std::vector<std::string> causes_of_one(const GeneratorState& state) {
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
  // Only the middle of a few requests says anything, and that must do.
  if (const Histogram& all = times.latency; shares.empty() && all.count() > 0) {
    const Duration without_own = times.without_own.percentile(0.5);
    shares.push_back({0.5, all.percentile(0.5), all.percentile(0.5) - without_own,
                      without_own - times.without_wait.percentile(0.5)});
  }
  return shares;
}

void take_shares(GeneratorState& state, const CpuUse& used, Duration lasted) {
  state.lasted = lasted;
  const double lasted_s = std::max(1e-9, to_seconds(lasted));
  state.busiest_loop_share = std::min(1.0, to_seconds(used.busiest_loop) / lasted_s);
  state.machine_share = used.cpu_s / lasted_s / std::max(1u, used.machine_cores);
}

GeneratorState together(std::vector<GeneratorState> workers, const load::OwnTimes& times) {
  GeneratorState all;
  all.shares = own_shares(times);
  all.sent_late = times.sent_late;
  all.read_late = times.read_late;
  all.waited = times.waited;
  for (const GeneratorState& one : workers) {
    all.connections_max = std::max(all.connections_max, one.connections_max);
    all.lasted = std::max(all.lasted, one.lasted);
    all.busiest_loop_share = std::max(all.busiest_loop_share, one.busiest_loop_share);
    if (one.waited_for_core >= all.waited_for_core) {
      all.waited_for_core = one.waited_for_core;
      all.ran = one.ran;
    }
    all.stood_still = std::max(all.stood_still, one.stood_still);
    all.throttled = std::max(all.throttled, one.throttled);
    all.throttled_periods = std::max(all.throttled_periods, one.throttled_periods);
    all.steal_share = std::max(all.steal_share, one.steal_share);
    all.cores += one.cores;
    all.shares_machine |= one.shares_machine;
    all.machine_share = std::max(all.machine_share, one.machine_share);
  }
  all.workers = std::move(workers);
  return all;
}

std::vector<std::string> causes(const GeneratorState& state) {
  std::vector<std::string> found;
  each_process(state, [&](const GeneratorState& one) {
    const std::string prefix = one.worker.empty() ? "" : who(one) + ": ";
    for (const std::string& cause : causes_of_one(one)) found.push_back(prefix + cause);
  });
  return found;
}

namespace {

// What percentiles don't show is told all the same where it is plain to see.
void add_plain_causes(std::vector<Doubt>& doubts, const GeneratorState& one) {
  if (stood_still(one) || is_throttled(one) || one.steal_share >= kSteal)
    doubts.push_back({false, who(one) + " was kept from its work: " + joined(causes_of_one(one))});
  else if (waits_for_core(one))
    doubts.push_back({false, (one.worker.empty() ? "" : who(one) + ": ") + waits_text(one)});
}

void add_use(std::vector<Doubt>& doubts, const GeneratorState& one) {
  if (one.busiest_loop_share > kSaturated)
    doubts.push_back(
        {false, fmt::format("{}'s CPU was saturated: its busiest loop ran {:.0f} % of "
                            "the time, so the figures may be the generator's own limit",
                            who(one), one.busiest_loop_share * 100)});
  if (one.shares_machine && one.machine_share > kOfMachine && one.lasted >= kLongEnough)
    doubts.push_back({false, fmt::format("{} took {:.0f} % of the CPU of the machine "
                                         "that the target shares",
                                         who(one), 100 * one.machine_share)});
}

}  // namespace

std::vector<Doubt> doubts_of_generator(const GeneratorState& state) {
  std::vector<Doubt> doubts;
  const bool is_fleet = !state.workers.empty();
  const Affected own = affected(state, [](const OwnShare& one) { return one.own; });
  if (!own.percentiles.empty()) {
    const std::vector<std::string> why = causes(state);
    const bool reading = state.read_late > state.sent_late;
    doubts.push_back(
        {own.invalid, fmt::format("{} late, mostly in {}: {} of {} own doing; {}",
                                  is_fleet ? "the workers were" : "the generator was",
                                  reading ? "reading answers that were there" : "sending",
                                  own.percentiles, is_fleet ? "their" : "its",
                                  why.empty() ? "why wasn't seen" : "why: " + joined(why))});
  }
  const Affected wait = affected(state, [](const OwnShare& one) { return one.wait; });
  if (!wait.percentiles.empty())
    doubts.push_back(
        {wait.invalid,
         fmt::format("{} requests waited for one of the {} connections {}: {}",
                     format_count(state.waited), format_count(state.connections_max),
                     is_fleet ? "that each worker may open (its --connections, or the open files "
                                "that its system allows)"
                              : "that may be open (-c, connections)",
                     wait.percentiles)});
  each_process(state, [&](const GeneratorState& one) {
    if (own.percentiles.empty()) add_plain_causes(doubts, one);
    add_use(doubts, one);
  });
  return doubts;
}

}  // namespace galileo::analysis
