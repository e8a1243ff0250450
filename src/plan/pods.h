// Applications that are pods of a Kubernetes cluster, as the experiment file says them. Plain
// values; read by plan/file_kubernetes, made into objects by experiment/pod_objects.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "plan/manifests.h"

namespace galileo::plan {

// A HorizontalPodAutoscaler (autoscaling/v2) over an application's Deployment.
struct Autoscale {
  std::uint32_t fewest = 1;
  std::uint32_t most = 1;
  std::uint32_t cpu_pct = 80;    // of what a pod requests, on average; 0: not by that
  std::string spec_json = "{}";  // more of its spec: behavior, metrics
};

// The pods of one application. Either pinned, so many on each named node, or placed by a scheduler.
struct Pods {
  using Texts = std::vector<std::pair<std::string, std::string>>;

  // Those that the cluster's manifests make, by their label: of what follows `count` of them are
  // awaited at least, and `port` holds.
  bool from_manifests = false;
  std::string image;
  std::vector<std::pair<std::string, std::uint32_t>> on_nodes;  // pinned; none: they are free
  std::uint32_t count = 0;                                      // of those that are free
  std::string zone;  // whose gateway knows them; empty: their node's, so they are pinned
  std::uint16_t port = 8080;
  std::vector<std::string> command;    // empty: the image's
  std::vector<std::string> arguments;  // empty: the image's
  Texts environment;
  Texts requests;  // "cpu" -> "500m"; quantities that Kubernetes takes
  Texts limits;
  std::string container_json = "{}";  // beside what is said here: probes, security, mounts
  std::string spec_json = "{}";       // of the pod, likewise: affinity, tolerations, schedulerName
  bool is_deployment = false;         // free ones only: made and kept by a Deployment
  std::optional<Autoscale> autoscale;

  std::uint32_t total() const {
    std::uint32_t all = count;
    for (const auto& [node, number] : on_nodes) all += number;
    return all;
  }
};

// What a pod that can't be, or is no more, does to the run once requests go out.
enum class OnPodFailure : unsigned char { kEnd, kRecord };

// Who says where gateways send requests: we, as pods come and go; we at the start and the end, and
// somebody else between; somebody else.
enum class WhoWeighs : unsigned char { kFollow, kOnce, kNone };

// Which cluster, and how a run lives on it.
struct Cluster {
  std::string kubeconfig;         // empty: KUBECONFIG, ~/.kube/config, or the pod's own account
  std::string context;            // empty: the kubeconfig's current one
  std::string name_space;         // empty: the context's
  std::vector<std::string> etcd;  // endpoints, where gateways read their weights; empty: etcd_host
  OnPodFailure on_pod_failure = OnPodFailure::kEnd;
  WhoWeighs weights = WhoWeighs::kFollow;
  std::vector<Manifest> manifests;  // made before the applications' pods, gone after them
  // Where the pods are free and somebody else scales them, one more or less is no failure.
  Duration unschedulable_within = std::chrono::seconds{30};
  Duration keep{0};  // so long what was made stays when the run has failed
};

}  // namespace galileo::plan
