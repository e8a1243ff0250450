#include "experiment/findings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "experiment/fault_orders.h"
#include "experiment/pod_objects.h"
#include "experiment/setup_findings.h"
#include "kubernetes/version.h"

namespace galileo::experiment {
namespace {

using Level = Finding::Level;

constexpr Duration kClocksApart = std::chrono::milliseconds{50};
constexpr const char* kClientRole = "node-role.kubernetes.io/client";
constexpr const char* kWorkerRole = "node-role.kubernetes.io/worker";
constexpr const char* kTelemdMode = "telemd.edgerun.io/mode";

std::string label(const SeenNode& node, const char* key) {
  const auto found = node.labels.find(key);
  return found == node.labels.end() ? std::string() : found->second;
}

bool has_role(const SeenNode& node) {
  return std::any_of(node.labels.begin(), node.labels.end(), [](const auto& one) {
    return one.first == kClientRole || one.first == kWorkerRole || one.first == kGatewayRole;
  });
}

std::set<std::string> zones_with(const std::vector<SeenNode>& nodes, const char* role) {
  std::set<std::string> zones;
  for (const SeenNode& node : nodes) {
    if (label(node, role) == "true" && !label(node, kZoneLabel).empty())
      zones.insert(label(node, kZoneLabel));
  }
  return zones;
}

void add_node_findings(const SeenNode& node, std::vector<Finding>& findings) {
  const std::string about = "node " + node.name;
  if (!node.is_ready)
    findings.push_back({Level::kFault, about, "it isn't ready",
                        fmt::format("kubectl describe node {}", node.name)});
  if (node.is_cordoned)
    findings.push_back({Level::kWarning, about, "it is cordoned: no new pod comes onto it",
                        fmt::format("kubectl uncordon {}", node.name)});
  if (has_role(node) && label(node, kZoneLabel).empty())
    findings.push_back({Level::kFault, about, "it is of no zone",
                        fmt::format("kubectl label node {} {}=main", node.name, kZoneLabel)});
  const std::string mode = label(node, kTelemdMode);
  if (mode.empty() && label(node, kWorkerRole) == "true")
    findings.push_back({Level::kWarning, about, "no telemetry daemon comes onto it",
                        fmt::format("kubectl label node {} {}=cpu", node.name, kTelemdMode)});
  if (!mode.empty() && mode != "cpu" && mode != "gpu")
    findings.push_back(
        {Level::kFault, about,
         fmt::format("its {} is '{}', which no daemon has", kTelemdMode, mode),
         fmt::format("kubectl label --overwrite node {} {}=cpu", node.name, kTelemdMode)});
}

// Telemetry has a set for each kind of node, of which a cluster needn't have all.
bool is_of_other_nodes(const SeenSet& set, const std::vector<SeenNode>& nodes) {
  return set.selector.find(kTelemdMode) != std::string::npos &&
         std::any_of(nodes.begin(), nodes.end(),
                     [](const SeenNode& node) { return !label(node, kTelemdMode).empty(); });
}

void add_set_findings(const SeenSet& set, const std::vector<SeenNode>& nodes,
                      std::vector<Finding>& findings) {
  const std::string about = fmt::format("{} {}", set.kind, set.name);
  if (!set.trouble.empty()) {
    findings.push_back(
        {Level::kFault, about, set.trouble, fmt::format("kubectl describe {}", about)});
  } else if (set.wanted == 0 && set.kind == "deployment") {
    findings.push_back({Level::kWarning, about, "it is scaled to no pod",
                        fmt::format("kubectl scale {} --replicas=1", about)});
  } else if (set.wanted == 0 && is_of_other_nodes(set, nodes)) {
    findings.push_back({Level::kFine, about, "no node is of its kind", ""});
  } else if (set.wanted == 0) {
    findings.push_back({Level::kFault, about,
                        fmt::format("no node has the labels that it wants: {}", set.selector),
                        fmt::format("kubectl label node NAME {}", set.selector)});
  } else if (set.ready < set.wanted) {
    findings.push_back({Level::kFault, about,
                        fmt::format("{} of its {} pods are ready", set.ready, set.wanted),
                        fmt::format("kubectl describe {}", about)});
  } else {
    findings.push_back({Level::kFine, about, fmt::format("{} pods", set.ready), ""});
  }
}

void add(std::vector<Finding> more, std::vector<Finding>& findings) {
  for (Finding& finding : more) findings.push_back(std::move(finding));
}

Finding version_finding(const ClusterFacts& cluster) {
  using kubernetes::kNewestVersion;
  using kubernetes::kOldestVersion;
  const std::string text = fmt::format("{}, Kubernetes {}", cluster.where, cluster.version);
  const std::string range = fmt::format("{} to {}", kubernetes::version_text(kOldestVersion),
                                        kubernetes::version_text(kNewestVersion));
  const auto version = kubernetes::parse_version(cluster.version);
  if (!version.ok())
    return {Level::kWarning, "cluster", fmt::format("{}: {}", text, version.error().what),
            version.error().hint};
  if (*version < kOldestVersion)
    return {Level::kFault, "cluster", fmt::format("{}, older than {}", text, range),
            "take a newer one: docs/how-to/kubernetes.md says what needs which"};
  if (*version > kNewestVersion)
    return {Level::kWarning, "cluster", fmt::format("{}, newer than {}", text, range),
            "what has changed since isn't known here"};
  return {Level::kFine, "cluster", fmt::format("{}, one of {}", text, range), ""};
}

void add_leftovers(const ClusterFacts& cluster, std::vector<Finding>& findings) {
  for (const ClaimState& claim : cluster.claims) {
    const std::string about = "experiment " + claim.experiment;
    const std::string age = claim.age ? format_duration(*claim.age) : "some time";
    if (claim.is_kept && !claim.is_over)
      findings.push_back({Level::kFine, about,
                          fmt::format("its run has failed; its pods are {}", kept_text(claim)),
                          "galileo doctor --clean"});
    else if (claim.is_over)
      findings.push_back({Level::kWarning, about,
                          fmt::format("a run was killed, its lease wasn't renewed for {}", age),
                          "galileo doctor --clean"});
    else
      findings.push_back(
          {Level::kFine, about,
           fmt::format("a run is on it, held by {}, renewed {} ago", claim.holder, age), ""});
  }
  if (!cluster.orphans.empty())
    findings.push_back(
        {Level::kWarning, "leftovers",
         fmt::format("{} objects of runs without a lease: {}", cluster.orphans.size(),
                     fmt::join(cluster.orphans, ", ")),
         fmt::format("kubectl delete pods,deployments,hpa,configmaps -l {}", kExperimentLabel)});
}

}  // namespace

std::vector<Finding> findings_of(const BusFacts& bus) {
  std::vector<Finding> findings;
  std::size_t alive = 0;
  for (const SeenWorker& worker : bus.workers) {
    const std::string about = "worker " + worker.name;
    alive += worker.is_alive ? 1 : 0;
    if (!worker.is_alive) {
      findings.push_back({Level::kWarning, about, "it is registered, but doesn't listen",
                          "galileo workers discover"});
      continue;
    }
    if (worker.clock_offset && std::chrono::abs(*worker.clock_offset) > kClocksApart)
      findings.push_back({Level::kWarning, about,
                          fmt::format("its clock is {} from this machine's",
                                      format_duration(std::chrono::abs(*worker.clock_offset))),
                          "let chrony or systemd-timesyncd set both"});
  }
  if (alive == 0)
    findings.push_back({Level::kFault, "workers", "there are none",
                        "galileo worker --bus URL --traces redis, or deploy them"});
  else
    findings.push_back({Level::kFine, "workers", fmt::format("{} listen", alive), ""});
  if (bus.adapters == 0)
    findings.push_back({Level::kWarning, "adapter", "no pod adapter of ours is on this bus",
                        "kubectl apply -f deployment/kubernetes/7-pod-adapter.yaml"});
  if (bus.adapters > 1)
    findings.push_back({Level::kFault, "adapter",
                        fmt::format("{} pod adapters: each event is told that often", bus.adapters),
                        "leave one"});
  add(findings_of_kernels(bus), findings);
  return findings;
}

std::vector<Finding> findings_of(const ClusterFacts& cluster) {
  std::vector<Finding> findings;
  findings.push_back(version_finding(cluster));
  if (const auto& error = cluster.metrics)
    findings.push_back(
        {Level::kWarning, "metrics", fmt::format("{}: {}", error->what, error->why), error->hint});
  for (const std::string& right : cluster.denied)
    findings.push_back({Level::kFault, "rights", fmt::format("you may not {}", right),
                        "ask for it: examples/kubernetes/role.yaml has all"});
  if (cluster.denied.empty())
    findings.push_back({Level::kFine, "rights", "all that a run needs", ""});
  for (const SeenNode& node : cluster.nodes) add_node_findings(node, findings);
  for (const SeenSet& set : cluster.sets) add_set_findings(set, cluster.nodes, findings);
  for (const SeenPod& pod : cluster.pods) {
    if (!pod.is_ready && !pod.trouble.empty())
      findings.push_back(
          {Level::kFault, "pod " + pod.name, pod.trouble, mend_of_trouble(pod, cluster.nodes)});
  }
  std::set<std::string> served;
  for (const SeenPod& pod : cluster.pods) {
    if (pod.app == kGatewayApp && pod.is_ready) served.insert(pod.zone);
  }
  std::set<std::string> zones = zones_with(cluster.nodes, kClientRole);
  zones.merge(zones_with(cluster.nodes, kWorkerRole));
  for (const std::string& zone : zones) {
    if (!served.contains(zone))
      findings.push_back(
          {Level::kFault, "zone " + zone, "it has no gateway",
           fmt::format("label one of its nodes {}=true, and deploy its gateway", kGatewayRole)});
  }
  for (const std::string& zone : served) {
    if (zone.empty())
      findings.push_back({Level::kFault, "gateways", "one of them is of no zone",
                          "set eb_go_lb_zone in its DaemonSet"});
    else if (!zones.contains(zone))
      findings.push_back(
          {Level::kWarning, "zone " + zone, "it has a gateway, but no node with a role",
           fmt::format("kubectl label node NAME {}={} {}=true", kZoneLabel, zone, kWorkerRole)});
  }
  add(findings_of_setup(cluster), findings);
  add_leftovers(cluster, findings);
  return findings;
}

std::vector<Finding> findings_of(const ClusterFacts& cluster, const BusFacts& bus) {
  std::vector<Finding> findings;
  std::set<std::string> with_workers;
  for (const SeenWorker& worker : bus.workers) {
    if (worker.is_alive) with_workers.insert(worker.zone);
  }
  for (const std::string& zone : zones_with(cluster.nodes, kClientRole)) {
    if (!with_workers.contains(zone))
      findings.push_back({Level::kFault, "zone " + zone, "no worker of it is on the bus",
                          "kubectl get pods -l ether.edgerun.io/function=client; do they reach "
                          "galileo_redis_host?"});
  }
  const std::set<std::string> measured(bus.telemetry.begin(), bus.telemetry.end());
  for (const SeenNode& node : cluster.nodes) {
    if (label(node, kTelemdMode).empty() || measured.contains(node.name)) continue;
    findings.push_back({Level::kFault, "node " + node.name, "its telemetry isn't on the bus",
                        "kubectl get pods -l app=telemd -o wide; does it reach telemd_redis_url?"});
  }
  add(findings_of_kernels(cluster, bus), findings);
  return findings;
}

std::vector<Finding> findings_of_faults(const plan::Plan& plan, const ClusterFacts& cluster,
                                        const BusFacts& bus) {
  std::set<std::string> all;
  for (const SeenNode& node : cluster.nodes) all.insert(node.name);
  std::map<std::string, std::string> wanted;  // by node: the first that is
  for (const plan::ChangeCluster* change : faults_of(plan)) {
    for (const std::string& node : nodes_of(*change, plan, all))
      wanted.try_emplace(node, describe(*change));
  }
  std::vector<Finding> findings;
  for (const auto& [node, fault] : wanted) {
    if (!bus.fault_agents.contains(node))
      findings.push_back({Level::kFault, "node " + node,
                          fmt::format("no fault agent listens there, which is for: {}", fault),
                          kDeployAgent});
  }
  if (!wanted.empty() && findings.empty())
    findings.push_back(
        {Level::kFine, "fault agents", fmt::format("those of {} nodes listen", wanted.size()), ""});
  return findings;
}

}  // namespace galileo::experiment
