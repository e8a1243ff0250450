#include "experiment/examination.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "bus/keys.h"
#include "experiment/cluster_needs.h"
#include "experiment/leftovers.h"
#include "experiment/node_watch.h"
#include "experiment/setup_examination.h"
#include "fleet/controller.h"
#include "fleet/telemetry_nodes.h"
#include "kubernetes/objects.h"
#include "kubernetes/paths.h"
#include "kubernetes/requests.h"
#include "net/loop.h"
#include "pods/fields.h"
#include "pods/pod.h"

namespace galileo::experiment {
namespace {

using Json = nlohmann::json;

// A kubelet's nodeStatusMaxImages, where nobody says another.
constexpr std::size_t kImagesTold = 50;

// What runs do, and the adapter's clean-up.
const std::vector<kubernetes::Right>& rights() {
  static const std::vector<kubernetes::Right> all = [] {
    constexpr const char* kLeases = "coordination.k8s.io";
    std::vector<kubernetes::Right> made{{"list", "", "nodes", {}, {}},
                                        {"patch", "", "nodes", {}, {}},
                                        {"get", "", "pods/log", {}, {}},
                                        {"watch", "", "events", {}, {}},
                                        {"get", kLeases, "leases", kNodeLeases, {}},
                                        {"patch", "apps", "deployments/scale", {}, {}}};
    const auto add = [&](const char* group, const char* resource,
                         std::initializer_list<const char*> verbs) {
      for (const char* verb : verbs) made.push_back({verb, group, resource, {}, {}});
    };
    add("", "pods", {"list", "watch", "create", "delete"});
    add("", "configmaps", {"create", "get", "patch", "delete"});
    add(kLeases, "leases", {"create", "get", "list", "patch", "delete"});
    add("apps", "deployments", {"create", "list", "watch", "delete"});
    add("autoscaling", "horizontalpodautoscalers", {"create", "list", "watch", "delete"});
    return made;
  }();
  return all;
}

SeenNode seen_node(const Json& node) {
  SeenNode seen;
  seen.name = kubernetes::name_of(node);
  seen.labels = pods::texts_at(node, {"metadata", "labels"});
  seen.is_cordoned = pods::is_true_at(node, {"spec", "unschedulable"});
  seen.architecture = kubernetes::text_at(node, {"status", "nodeInfo", "architecture"});
  const Json& images = pods::value_at(node, {"status", "images"});
  seen.tells_all_images = images.size() < kImagesTold;
  for (const Json& image : images) {
    for (const Json& name : pods::value_at(image, {"names"})) {
      if (name.is_string()) seen.images.push_back(name.get<std::string>());
    }
  }
  for (const Json& condition : pods::value_at(node, {"status", "conditions"})) {
    if (kubernetes::text_at(condition, {"type"}) == "Ready")
      seen.is_ready = kubernetes::text_at(condition, {"status"}) == "True";
  }
  return seen;
}

// Why it isn't ready, where Kubernetes says so.
std::string trouble_of(const pods::Pod& pod) {
  for (const auto* statuses : {&pod.init_statuses, &pod.statuses}) {
    for (const pods::ContainerStatus& container : *statuses) {
      if (!container.reason.empty() && container.reason != "ContainerCreating" &&
          container.reason != "PodInitializing")
        return container.message.empty()
                   ? container.reason
                   : fmt::format("{}: {}", container.reason, container.message);
    }
  }
  const pods::PodCondition* const placed = condition(pod, "PodScheduled");
  if (placed && placed->status == "False")
    return fmt::format("{}: {}", placed->reason, placed->message);
  return pod.reason.empty() ? std::string() : fmt::format("{}: {}", pod.reason, pod.message);
}

Result<std::vector<std::string>> orphans_of(ClusterCalls& calls, const std::string& name_space,
                                            const std::vector<ClaimState>& claims) {
  std::set<std::string> claimed;
  for (const ClaimState& claim : claims) claimed.insert(claim.experiment);
  std::vector<std::string> orphans;
  for (const auto& [group_version, plural] : {std::pair{"v1", "pods"},
                                              {"v1", "configmaps"},
                                              {"apps/v1", "deployments"},
                                              {"autoscaling/v2", "horizontalpodautoscalers"}}) {
    TRY(calls.each(kubernetes::collection(group_version, name_space, plural), kExperimentLabel,
                   [&, kind = plural](Json&& object) {
                     const std::string run =
                         kubernetes::text_at(object, {"metadata", "labels", kExperimentLabel});
                     if (!claimed.contains(run))
                       orphans.push_back(fmt::format("{}/{}", kind, kubernetes::name_of(object)));
                   }));
  }
  return orphans;
}

}  // namespace

Result<BusFacts> look_at_bus(bus::Bus& bus) {
  BusFacts facts;
  facts.where = bus.where();
  fleet::Controller controller(bus);
  TRY(controller.discover(std::chrono::seconds{1}));
  for (const fleet::WorkerStatus& worker : TRY(controller.workers())) {
    SeenWorker seen{worker.name, {}, worker.alive, {}};
    const auto zone = worker.labels.find("galileo_zone");
    if (zone != worker.labels.end()) seen.zone = zone->second;
    if (worker.alive && worker.heartbeat) {
      const auto clock = controller.measure_clock(worker.name);
      if (clock.ok() && *clock) seen.clock_offset = (*clock)->offset;
    }
    facts.workers.push_back(std::move(seen));
  }
  facts.telemetry = TRY(fleet::telemetry_nodes(bus));
  for (wire::NodeInfo& info : TRY(fleet::node_infos(bus)))
    facts.nodes[info.node][info.key] = std::move(info.value);
  facts.adapters = TRY(bus.keys(std::string(bus::kAllAdapters))).size();
  const std::string faults = bus::fault_channel("");
  for (const std::string& channel : TRY(bus.channels(faults + "*")))
    facts.fault_agents.insert(channel.substr(faults.size()));
  return facts;
}

Result<ClusterFacts> look_at_cluster(ClusterCalls& calls, const std::string& where,
                                     const std::string& name_space) {
  ClusterFacts facts;
  facts.where = where;
  facts.name_space = name_space;
  facts.version = TRY(server_version(calls));
  if (const auto metrics = ask_for_metrics(calls); !metrics.ok()) facts.metrics = metrics.error();
  for (kubernetes::Right right : rights()) {
    std::string text = right_text(right);
    if (right.name_space.empty())
      right.name_space = name_space;
    else
      text += " in " + right.name_space;
    if (!TRY(calls.may(right))) facts.denied.push_back(std::move(text));
  }
  const auto may_list = [&](std::string_view what) {
    return std::find(facts.denied.begin(), facts.denied.end(), what) == facts.denied.end();
  };
  ClusterView view;
  if (may_list("list nodes")) {
    TRY(calls.each(kubernetes::collection("v1", "", "nodes"), "", [&](Json&& node) {
      view.nodes[kubernetes::name_of(node)] = read_node(node);
      facts.nodes.push_back(seen_node(node));
    }));
  }
  if (may_list("list pods")) {
    TRY(calls.each(kubernetes::collection("v1", name_space, "pods"), "", [&](Json&& object) {
      const pods::Pod pod = pods::read_pod(object);
      const auto app = pod.labels.find("app");
      if (app == pod.labels.end() || !is_ours(app->second)) return;
      facts.pods.push_back({pod.name, app->second, read_gateway(object, view).zone, pod.node,
                            is_ready(pod), trouble_of(pod), pod.owner_name, containers_of(object)});
    }));
  }
  TRY(look_at_setup(calls, name_space, facts));
  if (!may_list("list leases (coordination.k8s.io)")) return facts;
  facts.claims = TRY(claims(calls, name_space));
  facts.orphans = TRY(orphans_of(calls, name_space, facts.claims));
  return facts;
}

Result<void> look_at_etcd(const gateway::EtcdOptions& etcd) {
  net::Loop loop;
  gateway::EtcdKeys keys(loop, etcd);
  static_cast<void>(TRY(keys.all("golb/function/")));
  return {};
}

}  // namespace galileo::experiment
