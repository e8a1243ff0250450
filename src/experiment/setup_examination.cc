#include "experiment/setup_examination.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "experiment/setup_findings.h"
#include "experiment/shipped_specs.h"
#include "kubernetes/objects.h"
#include "kubernetes/paths.h"
#include "kubernetes/requests.h"
#include "net/clock.h"
#include "pods/fields.h"

namespace galileo::experiment {
namespace {

using Json = nlohmann::json;
using kubernetes::text_at;

// A kubelet that doesn't answer is another finding's matter; all of them together have so long.
constexpr Duration kKubeletWithin = std::chrono::seconds{2};
constexpr Duration kKubeletsWithin = std::chrono::seconds{4};
// A program that ends again and again says why in its log; of so many pods that is read.
constexpr std::size_t kLogsRead = 5;

// Nothing, and that it wasn't looked at, where the user may not see it.
template <class T>
Result<std::optional<T>> unless_denied(Result<T> asked, const char* what, ClusterFacts& facts) {
  if (asked.ok()) return std::optional<T>(std::move(*asked));
  const ErrorCode code = asked.error().code;
  if (code != ErrorCode::kUsage && code != ErrorCode::kNotFound) return asked.error();
  facts.unseen.emplace_back(what);
  return std::optional<T>();
}

Result<std::vector<Json>> all_of(ClusterCalls& calls, const std::string& collection) {
  std::vector<Json> objects;
  TRY(calls.each(collection, "", [&](Json&& object) { objects.push_back(std::move(object)); }));
  return objects;
}

SeenSet seen_set(const Json& object, const char* kind, const ShippedSpecs& shipped) {
  SeenSet seen;
  seen.kind = kind;
  seen.name = kubernetes::name_of(object);
  const Json& pod = pods::value_at(object, {"spec", "template", "spec"});
  seen.node_labels = pods::texts_at(pod, {"nodeSelector"});
  for (const auto& [key, value] : seen.node_labels)
    seen.selector += fmt::format("{}{}={}", seen.selector.empty() ? "" : " ", key, value);
  if (seen.kind == "deployment") {
    seen.wanted = pods::number_at(object, {"spec", "replicas"}, 1);
    seen.ready = pods::number_at(object, {"status", "readyReplicas"});
    for (const Json& condition : pods::value_at(object, {"status", "conditions"})) {
      if (text_at(condition, {"type"}) == "ReplicaFailure")
        seen.trouble = kubernetes::message_of(condition);
    }
  } else {
    seen.wanted = pods::number_at(object, {"status", "desiredNumberScheduled"});
    seen.ready = pods::number_at(object, {"status", "numberReady"});
  }
  seen.containers = containers_of(pods::value_at(object, {"spec", "template"}));
  Deviations found = shipped.deviations(object);
  seen.lacks = std::move(found.lacks);
  seen.differs = std::move(found.differs);
  return seen;
}

// A DaemonSet has no condition for it: pods that may not be made are told by an event alone.
Result<void> add_refusals(ClusterCalls& calls, const std::string& name_space,
                          std::vector<SeenSet>& sets) {
  return calls.each(kubernetes::collection("v1", name_space, "events"), "", [&](Json&& event) {
    if (text_at(event, {"reason"}) != "FailedCreate") return;
    for (SeenSet& set : sets) {
      if (set.ready < set.wanted && set.trouble.empty() &&
          text_at(event, {"involvedObject", "name"}) == set.name)
        set.trouble = text_at(event, {"message"});
    }
  });
}

Result<void> look_at_sets(ClusterCalls& calls, const std::string& name_space, ClusterFacts& facts) {
  const ShippedSpecs shipped;
  facts.release = shipped.release();
  for (const auto& [plural, kind] :
       {std::pair{"daemonsets", "daemonset"}, std::pair{"deployments", "deployment"}}) {
    TRY(calls.each(kubernetes::collection("apps/v1", name_space, plural), "", [&](Json&& object) {
      if (shipped.has(object) ||
          is_ours(text_at(object, {"spec", "template", "metadata", "labels", "app"})))
        facts.sets.push_back(seen_set(object, kind, shipped));
    }));
  }
  return add_refusals(calls, name_space, facts.sets);
}

Result<void> look_at_namespace(ClusterCalls& calls, const std::string& name_space,
                               ClusterFacts& facts) {
  const auto level = [&]() -> Result<std::string> {
    const auto object = TRY(calls.get(
        kubernetes::object_path(kubernetes::collection("v1", "", "namespaces"), name_space)));
    return object ? text_at(*object, {"metadata", "labels", "pod-security.kubernetes.io/enforce"})
                  : std::string();
  }();
  facts.security_level =
      TRY(unless_denied(level, "the namespace's pod-security level", facts)).value_or("");
  const auto ranges =
      TRY(unless_denied(all_of(calls, kubernetes::collection("v1", name_space, "limitranges")),
                        "limit ranges", facts));
  if (!ranges) return {};
  for (const Json& range : *ranges) {
    for (const Json& limit : pods::value_at(range, {"spec", "limits"})) {
      const std::string cpu = text_at(limit, {"default", "cpu"});
      if (text_at(limit, {"type"}) == "Container" && !cpu.empty())
        facts.cpu_defaults[kubernetes::name_of(range)] = cpu;
    }
  }
  return {};
}

bool has_port(const Json& pod, std::int64_t port) {
  for (const Json& container : pods::value_at(pod, {"spec", "containers"})) {
    for (const Json& one : pods::value_at(container, {"ports"})) {
      if (pods::number_at(one, {"hostPort"}, -1) == port) return true;
    }
  }
  return false;
}

// Where a gateway should be and none is ready.
Result<void> look_at_ports(ClusterCalls& calls, ClusterFacts& facts) {
  for (const SeenNode& node : facts.nodes) {
    const auto role = node.labels.find(kGatewayRole);
    if (role == node.labels.end() || role->second != "true") continue;
    if (std::any_of(facts.pods.begin(), facts.pods.end(), [&](const SeenPod& pod) {
          return pod.app == kGatewayApp && pod.node == node.name && pod.is_ready;
        }))
      continue;
    const auto there = TRY(unless_denied(
        all_of(calls, kubernetes::with_query(kubernetes::collection("v1", "", "pods"),
                                             {{"fieldSelector", "spec.nodeName=" + node.name}})),
        "who has a gateway's port (list pods of all namespaces)", facts));
    if (!there) return {};
    for (const Json& pod : *there) {
      const std::string phase = text_at(pod, {"status", "phase"});
      if (phase == "Succeeded" || phase == "Failed" || !has_port(pod, kGatewayPort) ||
          text_at(pod, {"metadata", "labels", "app"}) == kGatewayApp)
        continue;
      facts.port_holders.push_back({node.name, fmt::format("{}/{}", kubernetes::name_space_of(pod),
                                                           kubernetes::name_of(pod))});
    }
  }
  return {};
}

// As their API proxies tell it; that takes a right which few give.
void look_at_kubelets(ClusterCalls& calls, ClusterFacts& facts) {
  const net::RealClock clock;
  const Time began = clock.now();
  for (SeenNode& node : facts.nodes) {
    if (!node.is_ready) continue;
    kubernetes::ApiRequest request = kubernetes::get(
        kubernetes::object_path(kubernetes::collection("v1", "", "nodes"), node.name, "proxy") +
        "/configz");
    request.within = kKubeletWithin;
    const auto answer = calls.ask(std::move(request));
    const bool is_denied = !answer.ok() && answer.error().code == ErrorCode::kUsage;
    if (is_denied || clock.now() - began > kKubeletsWithin) {
      facts.unseen.emplace_back(is_denied ? "kubelets' control groups (get nodes/proxy)"
                                          : "some kubelets' control groups: they answer slowly");
      return;
    }
    if (!answer.ok()) continue;
    const Json config = answer->json();
    node.cgroup_driver = text_at(config, {"kubeletconfig", "cgroupDriver"});
    node.cgroup_root = text_at(config, {"kubeletconfig", "cgroupRoot"});
  }
}

// What programs of ours that don't come up have said last.
void add_last_words(ClusterCalls& calls, const std::string& name_space, ClusterFacts& facts) {
  std::size_t read = 0;
  for (SeenPod& pod : facts.pods) {
    if (pod.is_ready || !pod.trouble.starts_with("CrashLoopBackOff") || read == kLogsRead) continue;
    ++read;
    std::string path =
        kubernetes::object_path(kubernetes::collection("v1", name_space, "pods"), pod.name, "log");
    kubernetes::ApiRequest request = kubernetes::get(kubernetes::with_query(
        std::move(path), {{"previous", "true"}, {"tailLines", "2"}, {"limitBytes", "2000"}}));
    request.within = kKubeletWithin;
    const auto answer = calls.ask(std::move(request));
    if (!answer.ok() || answer->body.empty()) continue;
    pod.trouble += fmt::format("; it said: {}", kubernetes::in_one_line(answer->body));
  }
}

}  // namespace

bool is_ours(const std::string& app) {
  return app.starts_with("galileo-worker") || app == kGatewayApp || app.starts_with("telemd");
}

std::vector<SeenContainer> containers_of(const Json& pod) {
  std::vector<SeenContainer> all;
  for (const Json& container : pods::value_at(pod, {"spec", "containers"})) {
    SeenContainer seen{text_at(container, {"name"}), text_at(container, {"image"})};
    seen.pull_policy = text_at(container, {"imagePullPolicy"});
    const auto limits = pods::texts_at(container, {"resources", "limits"});
    if (const auto cpu = limits.find("cpu"); cpu != limits.end()) seen.cpu_limit = cpu->second;
    for (const Json& status : pods::value_at(pod, {"status", "containerStatuses"})) {
      if (text_at(status, {"name"}) == seen.name) seen.image_id = text_at(status, {"imageID"});
    }
    all.push_back(std::move(seen));
  }
  return all;
}

Result<void> look_at_setup(ClusterCalls& calls, const std::string& name_space,
                           ClusterFacts& facts) {
  TRY(look_at_sets(calls, name_space, facts));
  TRY(look_at_namespace(calls, name_space, facts));
  TRY(look_at_ports(calls, facts));
  look_at_kubelets(calls, facts);
  add_last_words(calls, name_space, facts);
  return {};
}

}  // namespace galileo::experiment
