// The workers of the original system within a run on a fleet. They know neither orders nor reports:
// a client of theirs gets a command when the moment has come and is stopped when its time is over,
// it says when its last request is made, and what became of its requests its traces say. Which run
// it is that they are in is on_fleet.cc's affair. Lives on the control thread, but for take_done().
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "bus/bus.h"
#include "experiment/fleet_accounts.h"
#include "experiment/fleet_orders.h"
#include "fleet/controller.h"
#include "net/loop.h"

namespace galileo::experiment {

class OldWorkers {
 public:
  // `on_done`: told each time that some of the clients are. `on_trouble`: told what they couldn't
  // be told. The bus and the loop outlive it.
  OldWorkers(bus::Bus& bus, net::Loop& control, std::function<void()> on_done,
             std::function<void(const Error&)> on_trouble);

  // Where clients say that they are done, ours too; take_done() wants each message of it, at the
  // bus's desk.
  static std::string done_channel();
  void take_done(std::string_view message);

  // The next phase's clients in place of the last one's, and when they begin.
  void order(std::vector<OldOrder> orders);
  void begin_at(Time start);
  const std::vector<OldOrder>& orders() const { return orders_; }
  // Whether none of the phase's clients is waited for.
  bool done() const { return pending_.empty(); }
  void stop_sending();
  void wait_no_more() { pending_.clear(); }

  // In the end, when they have been told to stop tracing, on which they publish what they have:
  // puts into `accounts` how many requests their clients say they have sent, and waits for as many
  // traces for a while. Those that weren't answered yet may come no more. `take` counts what has
  // come.
  void await_traces(fleet::Controller& controller, FleetAccounts& accounts,
                    const std::function<void()>& take);

 private:
  void begin();
  void end();

  bus::Bus& bus_;
  net::Loop& control_;
  const std::function<void()> on_done_;
  const std::function<void(const Error&)> on_trouble_;
  net::Timer begin_timer_;
  net::Timer end_timer_;
  std::vector<OldOrder> orders_;      // of the phase
  std::set<std::string> pending_;     // its clients that aren't done
  std::vector<std::string> clients_;  // of all phases
};

// What an old worker can't say of a trace: the phase, or the warm-up while that lasts.
struct OldPhase {
  wire::NameId phase = 0;
  wire::NameId warmup = 0;
  Wall warm_until = kNoWall;
};

// An old worker's trace as one of ours would have told it. It says no reason of a failure, so its
// answers are judged here; and it keeps what it likes, where ours keep what the run says.
wire::Trace as_of_ours(const wire::Trace& trace, const OldPhase& phase, const load::Limits& limits);

}  // namespace galileo::experiment
