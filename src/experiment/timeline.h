// The actions of a phase while it goes on: when each is due, and whether a condition has come to
// hold. It says so and forgets; what is done then is the run's. Passive over Timers, so that tests
// run it on simulated time; lives on the run's loop.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "analysis/thresholds.h"
#include "net/timers.h"
#include "plan/plan.h"

namespace galileo::experiment {

class Timeline {
 public:
  // Conditions are looked at so often.
  static constexpr Duration kLookEvery = std::chrono::milliseconds{200};

  // Asked again and again of each condition that hasn't held yet.
  using Holds = std::function<bool(const analysis::Threshold& condition)>;
  // Called once for each action, in the order of their times, those of one time in the plan's.
  using Act = std::function<void(const plan::Action& action, Time now)>;

  Timeline(net::Timers& timers, Holds holds, Act act);

  // Takes those of the phase, which outlives its part, in place of the last one's. An Error where a
  // condition can't be read.
  Result<void> take(const plan::Phase& phase);
  // They come, since `start`.
  void begin(Time start);
  // Nothing is done any more. Those that weren't, in the plan's order.
  std::vector<const plan::Action*> end();

 private:
  struct Entry {
    const plan::Action* action = nullptr;
    Time due = kNever;  // of those at a time
    analysis::Threshold condition;
    bool done = false;
  };

  void on_turn(Time now);
  void set_timer(Time now);

  net::Timers& timers_;
  const Holds holds_;
  const Act act_;
  std::vector<Entry> entries_;  // of the phase, as the plan has them
  Time start_{};
  net::Timer timer_;
};

}  // namespace galileo::experiment
