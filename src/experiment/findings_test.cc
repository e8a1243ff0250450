#include "experiment/findings.h"

#include <doctest/doctest.h>

#include <functional>

namespace galileo::experiment {
namespace {

using Level = Finding::Level;
using Labels = std::map<std::string, std::string>;

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
  facts.daemon_sets = {{"telemd-cpu", "telemd.edgerun.io/mode=cpu", 1, 1, {}}};
  return facts;
}

BusFacts sound_bus() {
  BusFacts facts;
  facts.workers = {{"w", "zone-a", true, std::chrono::milliseconds{1}}};
  facts.telemetry = {"node1"};
  facts.adapters = 1;
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

}  // namespace

TEST_CASE("a laboratory without a fault has none") {
  CHECK(told(sound_cluster(), sound_bus()).empty());
}

TEST_CASE("each fault is told with its mend, and nothing else is") {
  struct Planted {
    std::function<void(ClusterFacts&, BusFacts&)> plant;
    std::string words;
    std::string mend;
  };
  const Planted faults[] = {
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
         c.daemon_sets.push_back({"worker", "node-role.kubernetes.io/client=true", 0, 0, {}});
       },
       "no node has the labels that it wants", "client=true"},
      {[](auto& c, auto&) { c.daemon_sets[0].ready = 0; }, "0 of its 1 pods are ready", ""},
      {[](auto& c, auto&) { c.daemon_sets[0].trouble = "violates PodSecurity"; },
       "violates PodSecurity", "describe daemonset"},
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
  };
  for (const Planted& fault : faults) {
    CAPTURE(fault.words);
    ClusterFacts cluster = sound_cluster();
    BusFacts bus = sound_bus();
    fault.plant(cluster, bus);
    const std::string text = told(cluster, bus);
    CHECK_MESSAGE(text.find(fault.words) != std::string::npos, text);
    CHECK_MESSAGE(text.find(fault.mend) != std::string::npos, text);
  }
  // One for graphics processors, where there are none, is no fault.
  ClusterFacts others = sound_cluster();
  others.daemon_sets.push_back({"telemd-gpu", "telemd.edgerun.io/mode=gpu", 0, 0, {}});
  CHECK(told(others, sound_bus()).empty());
  BusFacts empty = sound_bus();
  empty.workers.clear();
  CHECK(told(sound_cluster(), empty).find("workers: there are none") != std::string::npos);
}

}  // namespace galileo::experiment
