// Applications as pods of a Kubernetes cluster: made before a run, known to the zones' gateways,
// gone after it, whatever happened; also after kill -9, by whoever comes next (leftovers.h). What a
// run changes is agreed by a lease first and written into a ledger before it is done. Blocking,
// with deadlines; lives on the run's thread, its watch on one of its own.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bus/bus.h"
#include "experiment/cluster_calls.h"
#include "experiment/cluster_changes.h"
#include "experiment/cluster_watch.h"
#include "experiment/given_objects.h"
#include "experiment/leftovers.h"
#include "experiment/on_processes.h"
#include "experiment/platform.h"
#include "experiment/run_ledger.h"
#include "experiment/zone_weights.h"
#include "gateway/etcd.h"
#include "kubernetes/access.h"

namespace galileo::experiment {

// The objects that a run of the plan would make, as its API server takes them: each is shown to the
// server, which checks it and keeps nothing. Errors: as prepare() and start().
Result<std::vector<KubernetesObject>> rehearse(const plan::Plan& plan,
                                               const kubernetes::Access& access);

// One run's. The applications of the plan that aren't pods are the processes', which outlive it;
// those beside them start when the pods are ready and known to the gateways, and are told of the
// cluster: KUBECONFIG, etcd_host and etcd_port, galileo_zones, galileo_experiment.
class OnKubernetes final : public Platform {
 public:
  // Errors of prepare(): no access; a node, zone or gateway that isn't there; another run on the
  // same function. Of start(): what Kubernetes says of a pod that can't be.
  OnKubernetes(Processes& others, const kubernetes::Access& access, const Outside& outside);
  ~OnKubernetes() override;

  Result<void> prepare(const Context& context) override;
  Result<void> start() override;
  std::vector<load::ServiceSpec> routes() const override;
  Result<std::string> change(const plan::Action::ChangeCluster& change) override;
  pid_t pid(const std::string& name) const override { return others_.pid(name); }
  std::optional<Error> lost() override;
  std::vector<std::string> ended() override;
  std::vector<std::string> doubts() override;
  std::optional<Error> failure() const override;
  std::vector<std::string> stop() override;

 private:
  Result<void> refuse_rivals(const ClaimState* own);
  Result<void> fill_ledger();
  Result<void> claim();
  Result<void> watch();
  Result<void> start_all();
  Result<void> make_manifests();
  Result<void> make_pods();
  Result<void> wait_ready();
  std::uint32_t ready_of(const PodGroup& group, const std::vector<ReadyPod>& ready) const;
  bool all_ready(Duration left);
  Duration ready_timeout() const;
  void tell_left(const char* what, std::size_t left);
  Result<void> write_weights();
  Processes::Variables surroundings() const;
  Result<void> keep_ledger();
  void follow();
  void on_node(const NodeWatch::Change& change);
  void on_failure(const char* kind, const std::string& name, const PodFailure& why);
  Result<void> put_weights(const FunctionInZone& where, const gateway::Targets& targets);
  void put_event(const std::string& name, const std::string& value);
  bool has_adapter() const;
  std::string where_to_look() const;
  std::string keep_pods(bool is_taken_back);
  std::vector<std::string> undo();

  Processes& others_;
  const kubernetes::Access access_;
  const Outside outside_;
  const Context* context_ = nullptr;
  const plan::Cluster* cluster_ = nullptr;
  std::string name_space_;
  std::unique_ptr<ClusterCalls> calls_;
  std::vector<std::string> cleaned_;  // what was done about others' leftovers
  ClusterView view_;
  Arrangement arrangement_;
  std::vector<GivenObject> given_;  // of the manifests
  RunLedger ledger_;
  std::string owner_;  // JSON: what makes an object the ledger's
  bool is_claimed_ = false;
  bool ends_ = false;
  bool is_begun_ = false;              // start() was: there may be something to take back
  bool is_started_ = false;            // the pods are ready
  bool has_failed_ = false;            // what it made may be worth a look
  std::optional<Error> lost_;          // why the lease is
  std::optional<Error> failure_;       // of a pod, before the first request
  std::vector<std::string> failures_;  // of pods, since
  std::map<FunctionInZone, gateway::Targets> weights_;  // that were written last
  std::unique_ptr<ClusterWatch> watch_;
  std::unique_ptr<ClusterChanges> changes_;
};

}  // namespace galileo::experiment
