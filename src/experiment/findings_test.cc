#include "experiment/findings.h"

#include <doctest/doctest.h>

#include <functional>

#include "experiment/setup_findings.h"

namespace galileo::experiment {
namespace {

using Level = Finding::Level;
using Labels = std::map<std::string, std::string>;

SeenContainer container(const std::string& name, const std::string& image) {
  SeenContainer made{name, image};
  made.pull_policy = "IfNotPresent";
  return made;
}

// A second node that is as the first but for its name.
SeenNode& another_node(ClusterFacts& facts) {
  SeenNode node = facts.nodes[0];
  node.name = "node2";
  facts.nodes.push_back(std::move(node));
  return facts.nodes.back();
}

ClusterFacts sound_cluster() {
  ClusterFacts facts;
  facts.version = "v1.34.4";
  facts.nodes = {{"node1",
                  {{"ether.edgerun.io/zone", "zone-a"},
                   {"node-role.kubernetes.io/client", "true"},
                   {"node-role.kubernetes.io/worker", "true"},
                   {"node-role.kubernetes.io/controller", "true"},
                   {"telemd.edgerun.io/mode", "cpu"}},
                  true,
                  false}};
  facts.pods = {{"gateway", "go-load-balancer", "zone-a", "node1", true, {}}};
  facts.nodes[0].architecture = "amd64";
  facts.nodes[0].images = {"docker.io/library/galileo:0.1.0"};
  facts.nodes[0].cgroup_driver = "systemd";
  facts.sets = {{"telemd-cpu", "telemd.edgerun.io/mode=cpu", 1, 1, {}}};
  facts.sets[0].node_labels = {{"telemd.edgerun.io/mode", "cpu"}};
  facts.sets[0].containers = {container("telemd", "galileo:0.1.0")};
  facts.pods.push_back({"telemd-cpu-x", "telemd-cpu", {}, "node1", true, {}, "telemd-cpu"});
  facts.pods.back().containers = {container("telemd", "galileo:0.1.0")};
  facts.pods.back().containers[0].image_id = "sha256:1";
  facts.name_space = "lab";
  facts.release = "0.1.0";
  facts.unseen = {"limit ranges"};
  return facts;
}

BusFacts sound_bus() {
  BusFacts facts;
  facts.workers = {{"w", "zone-a", true, std::chrono::milliseconds{1}}};
  facts.telemetry = {"node1"};
  facts.adapters = 1;
  facts.nodes["node1"] = {{"cgroup", "v2"},
                          {"cgroup_controllers", "cpu io memory"},
                          {"cgroup_root", ""},
                          {"page_size", "4096"}};
  // One of the old system says less.
  facts.nodes["old"] = {{"arch", "arm"}};
  return facts;
}

// What is told beside what is fine.
std::string told(const ClusterFacts& cluster, const BusFacts& bus) {
  std::string text;
  for (const auto& findings : {findings_of(cluster), findings_of(bus), findings_of(cluster, bus)}) {
    for (const Finding& finding : findings) {
      if (finding.level == Level::kFine) continue;
      text += finding.about + ": " + finding.text + " -> " + finding.mend + "\n";
    }
  }
  return text;
}

struct Planted {
  std::function<void(ClusterFacts&, BusFacts&)> plant;
  std::string words;
  std::string mend;
};

void check(const Planted& fault) {
  CAPTURE(fault.words);
  ClusterFacts cluster = sound_cluster();
  BusFacts bus = sound_bus();
  fault.plant(cluster, bus);
  const std::string text = told(cluster, bus);
  CHECK_MESSAGE(text.find(fault.words) != std::string::npos, text);
  CHECK_MESSAGE(text.find(fault.mend) != std::string::npos, text);
}

}  // namespace

TEST_CASE("a laboratory without a fault has none") {
  CHECK(told(sound_cluster(), sound_bus()).empty());
}

TEST_CASE("each fault is told with its mend, and nothing else is") {
  const Planted faults[] = {
      {[](auto& c, auto&) { c.version = "v1.26.15"; }, "older than 1.27 to",
       "docs/how-to/kubernetes.md"},
      {[](auto& c, auto&) { c.version = "v1.99.0-alpha"; }, "newer than 1.27 to", "isn't known"},
      {[](auto& c, auto&) { c.version = "unknown"; }, "'unknown' is no version", "API server"},
      {[](auto& c, auto&) { c.metrics = Error{{}, "no metrics API", {}, "why", "metrics-server"}; },
       "metrics: no metrics API: why", "metrics-server"},
      {[](auto& c, auto&) { c.denied = {"create pods"}; }, "you may not create pods", "role"},
      {[](auto& c, auto&) { c.nodes[0].is_ready = false; }, "node1: it isn't ready", "describe"},
      {[](auto& c, auto&) { c.nodes[0].is_cordoned = true; }, "is cordoned", "kubectl uncordon"},
      {[](auto& c, auto&) {
         c.nodes.push_back(
             {"node2",
              {{"node-role.kubernetes.io/worker", "true"}, {"telemd.edgerun.io/mode", "cpu"}},
              true,
              false});
       },
       "node2: it is of no zone", "kubectl label node node2"},
      {[](auto& c, auto&) { c.nodes[0].labels.erase("telemd.edgerun.io/mode"); },
       "no telemetry daemon comes onto it", "mode=cpu"},
      {[](auto& c, auto&) { c.nodes[0].labels["telemd.edgerun.io/mode"] = "cpus"; },
       "is 'cpus', which no daemon has", "--overwrite"},
      {[](auto& c, auto&) { c.pods.clear(); }, "zone zone-a: it has no gateway", "controller=true"},
      {[](auto& c, auto&) { c.pods[0].zone.clear(); }, "of no zone", "eb_go_lb_zone"},
      {[](auto& c, auto&) {
         c.pods.push_back({"g", "go-load-balancer", "zone-x", "node1", true, {}});
       },
       "zone zone-x: it has a gateway, but no node", "kubectl label"},
      {[](auto& c, auto&) {
         c.pods[0] = {"gateway", "go-load-balancer",    "zone-a", "node1",
                      false,     "ErrImageNeverPull: x"};
       },
       "pod gateway: ErrImageNeverPull", "kubectl describe pod"},
      {[](auto& c, auto&) {
         c.sets.push_back({"worker", "node-role.kubernetes.io/client=true", 0, 0, {}});
       },
       "no node has the labels that it wants", "client=true"},
      {[](auto& c, auto&) { c.sets[0].ready = 0; }, "0 of its 1 pods are ready", ""},
      {[](auto& c, auto&) { c.sets[0].trouble = "violates PodSecurity"; }, "violates PodSecurity",
       "describe daemonset"},
      {[](auto& c, auto&) {
         ClaimState claim;
         claim.experiment = "id";
         claim.holder = "h";
         claim.age = std::chrono::minutes{9};
         claim.is_over = true;
         c.claims.push_back(claim);
       },
       "a run was killed", "--clean"},
      {[](auto& c, auto&) { c.orphans = {"pods/x"}; }, "without a lease: pods/x", "kubectl delete"},
      {[](auto&, auto& b) { b.workers[0].zone = "zone-b"; }, "no worker of it is on the bus",
       "kubectl get pods"},
      {[](auto&, auto& b) { b.workers.push_back({"dead", "zone-a", false, {}}); }, "doesn't listen",
       "discover"},
      {[](auto&, auto& b) { b.workers[0].clock_offset = std::chrono::seconds{-2}; }, "its clock is",
       "chrony"},
      {[](auto&, auto& b) { b.telemetry.clear(); }, "its telemetry isn't on the bus", "telemd"},
      {[](auto&, auto& b) { b.adapters = 0; }, "no pod adapter", "7-pod-adapter"},
      {[](auto&, auto& b) { b.adapters = 2; }, "2 pod adapters", "leave one"},
      {[](auto& c, auto&) {
         c.sets.push_back({"telemd-kubernetes-adapter", {}, 0, 0, {}, "deployment"});
       },
       "scaled to no pod", "--replicas=1"},
  };
  for (const Planted& fault : faults) check(fault);
  // One for graphics processors, where there are none, is no fault.
  ClusterFacts others = sound_cluster();
  others.sets.push_back({"telemd-gpu", "telemd.edgerun.io/mode=gpu", 0, 0, {}});
  CHECK(told(others, sound_bus()).empty());
  // Pods that are kept are nobody's fault, and told all the same.
  ClaimState kept;
  kept.experiment = "id";
  kept.is_kept = true;
  kept.lasts = std::chrono::minutes{30};
  kept.age = std::chrono::minutes{2};
  others.claims.push_back(kept);
  CHECK(told(others, sound_bus()).empty());
  CHECK(findings_of(others).back().text == "its run has failed; its pods are kept for 28m00s more");
  CHECK(findings_of(others).back().mend == "galileo doctor --clean");
  BusFacts empty = sound_bus();
  empty.workers.clear();
  CHECK(told(sound_cluster(), empty).find("workers: there are none") != std::string::npos);
}

TEST_CASE("what is wrong with images is told with its mend") {
  const Planted faults[] = {
      {[](auto& c, auto&) {
         another_node(c).images = {"other:1"};
         c.sets[0].containers[0].pull_policy = "Never";
       },
       "image galileo:0.1.0 isn't on node2, and imagePullPolicy is Never", "images import"},
      {[](auto& c, auto&) { another_node(c).images = {"other:1"}; },
       "sought as docker.io/library/galileo:0.1.0", "kustomize"},
      {[](auto& c, auto&) { c.sets[0].containers[0].image = "registry.example:5000/galileo"; },
       "image registry.example:5000/galileo:latest: which release it is changes",
       "name one: 0.1.0"},
      {[](auto& c, auto&) { c.sets[0].containers[0].image = "me/galileo:0.0.9"; },
       "image docker.io/me/galileo:0.0.9: this program's deployment files are of 0.1.0", "apply"},
      {[](auto& c, auto&) {
         c.sets.push_back(c.sets[0]);
         c.sets[1].name = "worker";
         c.sets[1].containers[0].image = "a.b/galileo:1";
       },
       "worker has a.b/galileo:1; telemd-cpu has docker.io/library/galileo:0.1.0", "kustomization"},
      {[](auto& c, auto&) {
         another_node(c);
         c.pods.push_back(c.pods[1]);
         c.pods[2].node = "node2";
         c.pods[2].containers[0].image_id = "sha256:2";
       },
       "different builds of that name, on node1, node2", "a tag of its own"},
      {[](auto& c, auto&) { c.nodes[0].architecture = "riscv64"; },
       "its processor is riscv64, which our image isn't built for", "--platform linux/riscv64"},
      {[](auto& c, auto&) {
         c.nodes[0].architecture = "arm64";
         c.pods[0] = {"g", "go-load-balancer", "zone-a", "node1", false, "exec format error"};
       },
       "exec format error", "another processor than its node's arm64"},
  };
  for (const Planted& fault : faults) check(fault);
  // What isn't known to be missing isn't: a kubelet tells of so many images, one that runs is
  // there, and one that comes from a registry is fetched.
  ClusterFacts facts = sound_cluster();
  facts.nodes[0].images = {"other:1"};
  CHECK(told(facts, sound_bus()).empty());
  another_node(facts).tells_all_images = false;
  CHECK(told(facts, sound_bus()).find("image") == std::string::npos);
  facts.nodes[1].tells_all_images = true;
  facts.sets[0].containers[0].image = facts.pods[1].containers[0].image =
      "ghcr.io/me/galileo:0.1.0";
  CHECK(told(facts, sound_bus()).find("image") == std::string::npos);
}

TEST_CASE("images' names are those that nodes have") {
  CHECK(full_image_name("galileo") == "docker.io/library/galileo:latest");
  CHECK(full_image_name("me/galileo:1") == "docker.io/me/galileo:1");
  CHECK(full_image_name("localhost/galileo") == "localhost/galileo:latest");
  CHECK(full_image_name("r.example:5000/a/b") == "r.example:5000/a/b:latest");
  CHECK(full_image_name("r.example/a:1@sha256:0f") == "r.example/a@sha256:0f");
  CHECK(full_image_name("a@sha256:0f") == "docker.io/library/a@sha256:0f");
  CHECK(full_image_name("").ends_with(":latest"));
}

TEST_CASE("what is wrong with the set-up of pods is told with its mend") {
  const Planted faults[] = {
      {[](auto& c, auto&) { c.sets[0].lacks = {"the mount /sys_host", "hostPID: true"}; },
       "daemonset telemd-cpu: it lacks the mount /sys_host, hostPID: true",
       "kubectl edit daemonset telemd-cpu"},
      {[](auto& c, auto&) { c.sets[0].differs = {"privileged: true"}; },
       "it isn't as it is shipped: privileged: true", "kubectl edit daemonset telemd-cpu"},
      {[](auto& c, auto&) { c.sets[0].containers[0].cpu_limit = "200m"; },
       "its container telemd has a CPU limit of 200m", "take resources.limits.cpu out"},
      {[](auto& c, auto&) { c.pods[1].containers[0].cpu_limit = "300m"; },
       "pod telemd-cpu-x: its container telemd was given a CPU limit of 300m", "limitrange"},
      {[](auto& c, auto&) { c.cpu_defaults = {{"small", "100m"}}; },
       "limitrange small: it gives each container that has none a CPU limit of 100m",
       "kubectl edit limitrange small"},
      {[](auto& c, auto&) { c.pods[1].containers.push_back(container("istio-proxy", "i:1")); },
       "a container more than its daemonset asks for: istio-proxy", "injector"},
      {[](auto& c, auto&) { c.port_holders = {{"node1", "kube-system/svclb-traefik"}}; },
       "node node1: the gateway's port 8080 is taken by the pod kube-system/svclb-traefik",
       "move that pod"},
      {[](auto& c, auto&) {
         c.pods[0] = {"g",      "go-load-balancer",
                      "zone-a", "node1",
                      false,    "CrashLoopBackOff; it said: Address already in use"};
       },
       "Address already in use", "ss -ltnp on node1"},
      {[](auto& c, auto&) { c.security_level = "baseline"; },
       "namespace lab: its pod-security level is baseline",
       "namespace lab pod-security.kubernetes.io/enforce=privileged"},
      {[](auto& c, auto&) { c.security_level = "restricted"; },
       "nor pods of experiments that don't say a security context", "enforce=privileged"},
      {[](auto& c, auto&) { another_node(c).cgroup_driver = "cgroupfs"; },
       "cgroup drivers differ: cgroupfs on node2; systemd on node1", "cgroupDriver"},
  };
  for (const Planted& fault : faults) check(fault);
  ClusterFacts facts = sound_cluster();
  facts.security_level = "privileged";
  CHECK(told(facts, sound_bus()).empty());
}

TEST_CASE("what nodes' kernels keep from a run is told with its mend") {
  const Planted faults[] = {
      {[](auto&, auto& b) { b.nodes["node1"]["cgroup_controllers"] = "cpu cpuset io pids"; },
       "node node1: its kernel's memory control group is off", "cgroup_enable=memory"},
      {[](auto&, auto& b) { b.nodes["node1"]["cgroup"] = ""; }, "can read no control group",
       "4-telemd.yaml"},
      {[](auto&, auto& b) { b.nodes["node1"]["page_size"] = "16384"; },
       "its pages of memory have 16384 bytes", "kernel8.img"},
      {[](auto&, auto& b) { b.nodes["pi"] = {{"cgroup", "v1"}}; },
       "nodes have different ones: v1 on pi; v2 on node1", "one system"},
      {[](auto& c, auto&) { c.nodes[0].cgroup_root = "/lab/node1/"; },
       "its kubelet keeps containers below /lab/node1, where its telemetry daemon doesn't look",
       "telemd_cgroup_root: /lab/node1"},
  };
  for (const Planted& fault : faults) check(fault);
  ClusterFacts facts = sound_cluster();
  BusFacts bus = sound_bus();
  for (const char* const root : {"/", "/kubelet", "/kubelet.slice"}) {
    facts.nodes[0].cgroup_root = root;
    CHECK(told(facts, bus).empty());
  }
  facts.nodes[0].cgroup_root = "/lab/node1";
  bus.nodes["node1"]["cgroup_root"] = "lab/node1";
  CHECK(told(facts, bus).empty());
}

TEST_CASE("a fault of the file's events on a node without an agent is told with what it is for") {
  plan::Plan plan;
  plan.applications.emplace_back().name = "hello";
  plan.applications.back().pods.emplace().on_nodes = {{"node1", 2}};
  plan.phases.emplace_back();
  plan::ChangeCluster change;
  change.kind = plan::ChangeCluster::Kind::kStress;
  change.what = "node2";
  change.cpus = 1;
  plan.phases.back().actions.emplace_back().what = change;
  change.kind = plan::ChangeCluster::Kind::kNetem;
  change.what = "hello";
  change.loss = 0.05;
  plan.phases.back().actions.emplace_back().what = change;
  BusFacts bus;
  bus.fault_agents = {"node1", "node3"};
  const auto lacks = findings_of_faults(plan, {}, bus);
  REQUIRE(lacks.size() == 1);
  CHECK(lacks[0].level == Level::kFault);
  CHECK(lacks[0].about == "node node2");
  CHECK(lacks[0].text.ends_with("stress node2: cpu 1"));
  bus.fault_agents.insert("node2");
  CHECK(findings_of_faults(plan, {}, bus).front().level == Level::kFine);
  CHECK(findings_of_faults({}, {}, bus).empty());
}

}  // namespace galileo::experiment
