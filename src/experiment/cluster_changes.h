// What events of an experiment do to its cluster while requests go out: replicas, pods, nodes,
// weights, limits, and by the nodes' fault agents their networks, CPU and memory (node_faults.h).
// What carries no label of the run's is in its ledger before it is done; each change is undone when
// its time is over, all of them at the end. One that can't be, or has no effect, ends the run.
//
// Lives on the run's thread; no change waits for what takes longer than an answer of the server.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "experiment/cluster_calls.h"
#include "experiment/cluster_watch.h"
#include "experiment/leftovers.h"
#include "experiment/node_faults.h"
#include "experiment/platform.h"
#include "experiment/pod_resize.h"
#include "experiment/run_ledger.h"
#include "experiment/zone_weights.h"

namespace galileo::experiment {

class ClusterChanges {
 public:
  // What it has of the run, which outlives it.
  struct Hold {
    const Platform::Context& context;
    ClusterCalls& calls;
    const ClusterView& view;
    RunLedger& ledger;
    std::string name_space;
    bus::Bus* bus = nullptr;  // null: no fault agent can be asked
    std::function<Result<void>()> keep_ledger;
    std::function<Result<void>()> write_weights;
    std::function<bool()> may_write;  // the lease is ours still
  };

  explicit ClusterChanges(Hold hold);
  ~ClusterChanges();

  // Whether all of the plan's can be done here, before anything is made. Errors: the server is too
  // old, no bus, a fault that a node can't do or that shows no effect.
  Result<void> prepare();
  // Does it; `watch` outlives this. An event's value, empty: it is told once it has taken effect.
  Result<std::string> make(const plan::ChangeCluster& change, ClusterWatch& watch);
  // The weights that changes ask for, in place of all ones.
  void adjust(const FunctionInZone& where, gateway::Targets& targets,
              const std::vector<ReadyPod>& pods) const;
  // Takes faults back, before anything else of the run is. What couldn't be.
  std::vector<std::string> end();
  // Does and hears nothing any more; while the run is there still.
  void leave();
  // Why one of them wasn't what was asked for.
  std::optional<Error> failure() const;

 private:
  struct Later {
    Time due{};
    const plan::ChangeCluster* change = nullptr;
    std::function<Result<std::string>()> undo;
  };
  struct Resize {
    std::string pod;
    std::string uid;
    Limits limits;
    Time due{};  // it must be so
    bool undoes = false;
    const plan::ChangeCluster* change = nullptr;
  };

  Result<void> check_scale(const plan::ChangeCluster& change);
  Result<std::string> scale(const plan::ChangeCluster& change);
  Result<std::string> delete_pod(const plan::ChangeCluster& change);
  Result<std::string> cordon(const plan::ChangeCluster& change, bool unschedulable);
  Result<std::string> weigh(const plan::ChangeCluster& change);
  Result<std::string> resize(const plan::ChangeCluster& change);
  Result<std::string> disturb(const plan::ChangeCluster& change);
  Result<std::vector<nlohmann::json>> pods_of(const std::string& what);
  Result<void> ask_resize(const std::string& name, const Limits& limits, bool undoes,
                          const plan::ChangeCluster& change);
  void undo_later(const plan::ChangeCluster& change, std::function<Result<std::string>()> undo);
  void look(Time now);
  void look_at(Resize& resize, Time now, bool& is_over);
  void fail(Error error);
  void rest();
  void set_timer();

  const Hold hold_;
  ClusterWatch* watch_ = nullptr;
  std::unique_ptr<NodeFaults> faults_;
  std::vector<const plan::ChangeCluster*> weights_;  // those that hold
  std::vector<Later> later_;
  std::vector<Resize> resizes_;
  std::optional<Error> failure_;
  net::Timer timer_;
};

}  // namespace galileo::experiment
