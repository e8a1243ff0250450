#include "experiment/examination.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "bus/keys.h"
#include "experiment/leftovers.h"
#include "fleet/controller.h"
#include "fleet/telemetry_nodes.h"
#include "kubernetes/objects.h"
#include "kubernetes/paths.h"
#include "net/loop.h"
#include "pods/fields.h"
#include "pods/pod.h"

namespace galileo::experiment {
namespace {

using Json = nlohmann::json;

constexpr Duration kAnswerWithin = std::chrono::seconds{5};

struct Right {
  const char* verb;
  const char* group;
  const char* resource;
  const char* part = "";
};
// What runs do, and the adapter's clean-up.
constexpr std::array<Right, 22> kRights{{{"list", "", "nodes"},
                                         {"patch", "", "nodes"},
                                         {"list", "", "pods"},
                                         {"watch", "", "pods"},
                                         {"create", "", "pods"},
                                         {"delete", "", "pods"},
                                         {"get", "", "pods", "log"},
                                         {"create", "", "configmaps"},
                                         {"get", "", "configmaps"},
                                         {"patch", "", "configmaps"},
                                         {"delete", "", "configmaps"},
                                         {"create", "coordination.k8s.io", "leases"},
                                         {"get", "coordination.k8s.io", "leases"},
                                         {"list", "coordination.k8s.io", "leases"},
                                         {"patch", "coordination.k8s.io", "leases"},
                                         {"delete", "coordination.k8s.io", "leases"},
                                         {"create", "apps", "deployments"},
                                         {"list", "apps", "deployments"},
                                         {"delete", "apps", "deployments"},
                                         {"patch", "apps", "deployments", "scale"},
                                         {"create", "autoscaling", "horizontalpodautoscalers"},
                                         {"delete", "autoscaling", "horizontalpodautoscalers"}}};

std::string right_text(const Right& right) {
  std::string text = fmt::format("{} {}", right.verb, right.resource);
  if (*right.part) text += fmt::format("/{}", right.part);
  if (*right.group) text += fmt::format(" ({})", right.group);
  return text;
}

Result<bool> may(ClusterCalls& calls, const std::string& name_space, const Right& right) {
  kubernetes::ApiRequest request;
  request.method = "POST";
  request.path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
  request.within = kAnswerWithin;
  request.repeatable = true;
  request.body = Json{{"apiVersion", "authorization.k8s.io/v1"},
                      {"kind", "SelfSubjectAccessReview"},
                      {"spec",
                       {{"resourceAttributes",
                         {{"namespace", name_space},
                          {"verb", right.verb},
                          {"group", right.group},
                          {"resource", right.resource},
                          {"subresource", right.part}}}}}}
                     .dump();
  const kubernetes::ApiAnswer answer = TRY(calls.ask(std::move(request)));
  return pods::is_true_at(answer.json(), {"status", "allowed"});
}

SeenNode seen_node(const Json& node) {
  SeenNode seen;
  seen.name = kubernetes::name_of(node);
  seen.labels = pods::texts_at(node, {"metadata", "labels"});
  seen.is_cordoned = pods::is_true_at(node, {"spec", "unschedulable"});
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

std::string app_of(const pods::Pod& pod) {
  const auto app = pod.labels.find("app");
  return app == pod.labels.end() ? std::string() : app->second;
}

// By the names that deployment/ gives them.
bool is_ours(const std::string& app) {
  return app.starts_with("galileo-worker") || app == "go-load-balancer" ||
         app.starts_with("telemd");
}

SeenDaemonSet seen_daemon_set(const Json& set) {
  SeenDaemonSet seen;
  seen.name = kubernetes::name_of(set);
  for (const auto& [key, value] : pods::texts_at(set, {"spec", "template", "spec", "nodeSelector"}))
    seen.selector += fmt::format("{}{}={}", seen.selector.empty() ? "" : " ", key, value);
  seen.wanted = pods::number_at(set, {"status", "desiredNumberScheduled"});
  seen.ready = pods::number_at(set, {"status", "numberReady"});
  return seen;
}

// A DaemonSet has no condition for it: pods that may not be made are told by an event alone.
Result<void> add_refusals(ClusterCalls& calls, const std::string& name_space,
                          std::vector<SeenDaemonSet>& sets) {
  return calls.each(kubernetes::collection("v1", name_space, "events"), "", [&](Json&& event) {
    if (kubernetes::text_at(event, {"reason"}) != "FailedCreate") return;
    for (SeenDaemonSet& set : sets) {
      if (set.ready < set.wanted && set.trouble.empty() &&
          kubernetes::text_at(event, {"involvedObject", "name"}) == set.name)
        set.trouble = kubernetes::text_at(event, {"message"});
    }
  });
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
  facts.adapters = TRY(bus.keys(std::string(bus::kAllAdapters))).size();
  return facts;
}

Result<ClusterFacts> look_at_cluster(ClusterCalls& calls, const std::string& where,
                                     const std::string& name_space) {
  ClusterFacts facts;
  facts.where = where;
  kubernetes::ApiRequest version;
  version.path = "/version";
  version.within = kAnswerWithin;
  facts.version = kubernetes::text_at(TRY(calls.ask(std::move(version))).json(), {"gitVersion"});
  for (const Right& right : kRights) {
    if (!TRY(may(calls, name_space, right))) facts.denied.push_back(right_text(right));
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
      if (!is_ours(app_of(pod))) return;
      facts.pods.push_back({pod.name, app_of(pod), read_gateway(object, view).zone, pod.node,
                            is_ready(pod), trouble_of(pod)});
    }));
  }
  TRY(calls.each(kubernetes::collection("apps/v1", name_space, "daemonsets"), "", [&](Json&& set) {
    if (is_ours(kubernetes::text_at(set, {"spec", "template", "metadata", "labels", "app"})))
      facts.daemon_sets.push_back(seen_daemon_set(set));
  }));
  TRY(add_refusals(calls, name_space, facts.daemon_sets));
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
