// Disturbances of nodes and of pods' networks during a run, by the fault agents of the nodes
// (docs/how-to/chaos.md), which are asked over the bus. Each is tried on its nodes before anything
// of the run is made, begun and ended by orders, kept alive by a sign of life, and told as an event
// once the agent says that it is there or has gone. What an agent refuses, doesn't answer, ends too
// early, or measures no effect of, ends the run.
//
// Lives on the run's thread; answers come from the bus's desk.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bus/bus.h"
#include "experiment/fault_orders.h"
#include "experiment/platform.h"
#include "experiment/pod_objects.h"
#include "net/timers.h"

namespace galileo::experiment {

class NodeFaults {
 public:
  // Where one is begun: on a node, for a stress; in a pod's network.
  struct Place {
    std::string node;
    std::string pod;  // its name; empty: the node itself
    std::string ip;
  };

  // Both outlive it.
  NodeFaults(bus::Bus& bus, const Platform::Context& context);
  ~NodeFaults();

  // Tries all of the plan's, on each node where they may come to be. Errors: a node without an
  // agent; what its kernel can't do, in tc's words; a fault that shows no effect there.
  Result<void> try_out(const ClusterView& view);
  // Asks for it at these places; what becomes of it is told later.
  Result<void> begin(const plan::ChangeCluster& change, const std::vector<Place>& places);
  // All of them are over; waits until the agents say so. What couldn't be.
  std::vector<std::string> end();

  // Hears and says nothing any more; while the run is there still.
  void leave();

  // Why a fault that has ended was none; it is the run's failure.
  const std::optional<Error>& failure() const { return failure_; }

 private:
  struct Begun {
    plan::ChangeCluster change;
    Place place;
    FaultPart part;
    bool is_last = false;  // of the parts of its place: it tells the event
    bool is_started = false;
    Time due = kNever;  // the agent must have answered
  };
  struct Trial {
    std::string node;
    const plan::ChangeCluster* change = nullptr;
    FaultPart part;
    std::optional<wire::FaultReport> report;
  };

  Result<void> listen();
  Result<bool> send(const std::string& node, const wire::FaultOrder& order);
  void on_report(const wire::FaultReport& report);
  void on_started(Begun& begun, const wire::FaultReport& report);
  void on_ended(const std::string& id, const wire::FaultReport& report);
  void look(Time now);
  void fail(Error error);
  Result<void> run_trials(std::vector<Trial>& trials);
  Result<void> judge(const Trial& trial, const std::string& hint) const;
  bool wait(const std::function<bool()>& done, Duration within, bool may_interrupt);
  std::string next_id();
  std::vector<FaultPart> parts_at(const std::string& node, const plan::ChangeCluster& change) const;

  bus::Bus& bus_;
  const Platform::Context& context_;
  std::uint64_t ids_ = 0;
  std::set<std::string> without_netem_;   // nodes
  std::map<std::string, Trial*> trials_;  // by id, while they are waited for
  std::map<std::string, Begun> begun_;    // by id
  std::map<std::string, Time> heard_;     // from each node with a fault, when last
  std::set<std::string> silent_;          // nodes whose agents haven't said yet that all is over
  std::optional<Error> failure_;
  bool ends_ = false;
  Time next_renewal_{};
  net::Timer timer_;
  std::unique_ptr<bus::Subscription> subscription_;
};

}  // namespace galileo::experiment
