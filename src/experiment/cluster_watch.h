// What goes on in a cluster while a run lives there: the pods of its applications, those that
// others make for them too, and the run's lease, which is renewed. All of it on a thread of its
// own, so that nothing that the run waits for delays it. Made, asked and ended on the run's thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "experiment/deployment_watch.h"
#include "experiment/node_watch.h"
#include "experiment/pod_evidence.h"
#include "experiment/pod_failure.h"
#include "experiment/scaler_watch.h"
#include "experiment/watched_pods.h"
#include "experiment/zone_weights.h"
#include "kubernetes/api.h"
#include "kubernetes/watch.h"
#include "net/desk.h"
#include "pods/pod.h"
#include "pods/pod_events.h"
#include "wire/sample.h"

namespace galileo::experiment {

class ClusterWatch {
 public:
  struct Options {
    std::string name_space;
    std::vector<std::string> functions;  // whose pods are watched
    WatchedPods::Options pods;
    std::set<std::string> gateway_nodes;  // which of the nodes have gateways
    std::vector<std::string> given;       // names of the manifests' objects
    std::string lease;                    // its name
    std::string holder;                   // who renews it
    bool has_deployments = false;         // of the run's own, that are watched too
    bool has_scalers = false;             // autoscalers, likewise
    // A pod that takes requests has come or gone. On the watch's thread, as the next.
    std::function<void()> on_ready_changed;
    // A pod that can't be, or is no more though nobody of us removed it; a Deployment that may have
    // no more pods ("pod", "deployment"): its name, and why.
    std::function<void(const char* kind, const std::string& name, const PodFailure& why)>
        on_failure;
    // A node of its pods or gateways is silent, or is heard of again.
    std::function<void(const NodeWatch::Change& change)> on_node;
    // What becomes of the run's pods and autoscalers, as the pod adapter tells it; none where one
    // does.
    std::function<void(wire::Event&& event)> on_event;
    // The run may write nothing any more: the lease is another's, or couldn't be renewed.
    std::function<void(const std::string& why)> on_lease_lost;
  };

  // An Error of kUsage where the access can't be used.
  static Result<std::unique_ptr<ClusterWatch>> start(const kubernetes::Access& access,
                                                     Options options);
  ~ClusterWatch();

  // As it stands: pods of the run that take requests, of this experiment or adopted; not those of
  // silent nodes.
  std::vector<ReadyPod> ready();
  std::set<std::string> silent_nodes();
  // Those that are still waited for: "hello-deployment-node1-0: ContainerCreating".
  std::vector<std::string> waiting();
  // All of its applications.
  std::vector<pods::Pod> pods();
  // What is kept of them (pod_evidence.h).
  PodEvidence evidence();
  // Of one function, those that aren't going already.
  std::map<std::string, std::string> uids_of(const std::string& function);
  // This one goes since we remove it: it takes no requests any more.
  void expect_end_of(const std::string& uid);
  // From now on pods go since we remove them.
  void expect_end();
  // Why the run may write to the cluster no longer, also where only the time tells it; none: it
  // may.
  std::optional<std::string> lease_lost();
  // Autoscalers that never could decide anything, and why.
  std::vector<std::string> idle_scalers();
  // Why what is known may be old; empty: it isn't.
  std::string trouble();

 private:
  explicit ClusterWatch(Options options);
  Result<void> open(const kubernetes::Access& access);
  void on_object(const nlohmann::json& object);
  void on_gone(const std::string& uid, const nlohmann::json* last);
  Time look(Time now);
  void renew(Time now);
  void lose(const std::string& why);
  std::set<std::string> nodes_in_use() const;
  bool takes_requests(const pods::Pod& pod) const;
  std::vector<ReadyPod> ready_now() const;
  void tell_changes();
  void tell_failure(const char* kind, const std::string& name, const PodFailure& why);

  const Options options_;
  WatchedPods pods_;
  std::optional<pods::PodEvents> events_;
  std::vector<ReadyPod> told_;  // the ready ones that were told last
  bool ends_ = false;
  std::optional<std::string> lost_;  // why the lease is
  bool is_renewing_ = false;
  Time renewed_{};  // when the last renewal that was answered had been sent; by BootClock
  std::string trouble_;
  std::unique_ptr<kubernetes::Api> api_;
  std::unique_ptr<kubernetes::Watch> watch_;
  std::unique_ptr<kubernetes::Watch> messages_;  // Kubernetes' events
  std::unique_ptr<NodeWatch> node_watch_;
  PodEvidence evidence_;
  std::unique_ptr<DeploymentWatch> deployments_;
  std::unique_ptr<ScalerWatch> scalers_;
  Time next_renewal_{};
  net::Desk desk_;  // last: ends first
};

}  // namespace galileo::experiment
