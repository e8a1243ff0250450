// The fault agent of a node: listens on edgechaos/<node> for what is to be started and stopped
// (docs/wire/chaos.md), and says on galileo/chaos what it did. Nothing that it has started outlives
// it: it is undone when its time is over, when its experiment has gone silent, when the bus has
// been away for longer than a lease, at the agent's end, and after kill -9 by the next agent of the
// node, from a file that is written before each act.
//
// Made and ended on one thread, the control loop's; works at a desk of its own, so that a program
// that is slow holds nobody up.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/counters.h"
#include "base/file.h"
#include "base/result.h"
#include "bus/bus.h"
#include "chaos/fault_book.h"
#include "chaos/networks.h"
#include "chaos/trial.h"
#include "net/desk.h"

namespace galileo::chaos {

struct AgentOptions {
  std::string node;
  std::string folder;          // of the file; made where it is missing
  std::string proc = "/proc";  // of the node's processes
  std::string program;         // this one, which our burner is a part of
  bool has_stress_ng = false;  // else our burner does what it can
  Duration lease = std::chrono::seconds{30};
};

class Agent {
 public:
  // Undoes what a killed one has left, then listens. `on_stop`: an order ends the agent; from any
  // thread. Errors: the file can't be written, another agent has it, the bus is away.
  static Result<std::unique_ptr<Agent>> start(bus::Bus& bus, AgentOptions options,
                                              std::function<void()> on_stop);
  // Undoes all.
  ~Agent();

  // Prometheus' text, for /metrics. Any thread.
  std::string metrics() const;

 private:
  Agent(bus::Bus& bus, AgentOptions options, std::function<void()> on_stop);
  Result<void> begin();
  void clean_up();
  Time look(Time now);
  void on_message(const std::string& message);
  void obey(const wire::FaultOrder& order);
  Result<void> start_tc(const wire::FaultOrder& order);
  Result<void> take_away(const wire::FaultOrder& order);
  Result<void> start_stress(const wire::FaultOrder& order);
  Result<pid_t> begin_stress(const wire::FaultOrder& order, std::vector<std::string>& words);
  Result<Effect> try_out(const wire::FaultOrder& order);
  Result<Effect> try_stress(const wire::FaultOrder& order);
  void end(Fault& fault, const std::string& why);
  Effect effect_of(const Fault& fault);
  std::string undo(const Undo& undo, const Network* network);
  Result<void> keep();
  void report(const wire::FaultOrder& order, wire::FaultReport::State state, const std::string& why,
              Effect effect = {});

  bus::Bus& bus_;
  const AgentOptions options_;
  const std::function<void()> on_stop_;
  const std::string path_;
  std::unique_ptr<File> lock_;
  // At the desk.
  FaultBook book_;
  std::map<const Fault*, Network> networks_;  // of those in another one than the node's
  Time bus_seen_{};
  RelaxedCounter orders_;
  RelaxedCounter refused_;
  RelaxedCounter started_;
  RelaxedCounter ended_;
  net::Desk desk_;
  std::unique_ptr<bus::Subscription> subscription_;
};

}  // namespace galileo::chaos
