#include <doctest/doctest.h>

#include "experiment/zone_weights.h"

namespace galileo::experiment {
namespace {

ClusterView view() {
  ClusterView two;
  two.gateways = {{"zone-a", "10.0.0.1"}, {"zone-b", "10.0.0.2"}};
  return two;
}

const std::vector<ReadyPod> kPods{{"hello", "zone-a", "10.1.0.1:8080", "hello-0", "node1"},
                                  {"hello", "zone-a", "10.1.0.2:8080", "hello-1", "node1"},
                                  {"hello", "zone-a", "10.1.0.3:8080", "hello-2", "node2"},
                                  {"hello", "zone-b", "10.1.0.4:8080", "hello-3", "node3"},
                                  {"other", "zone-a", "10.1.0.5:8080", "other-0", "node1"}};

// In the order of the hosts.
std::vector<double> weights(const plan::ChangeCluster& change, const std::string& zone) {
  auto all = zone_weights({"hello", "other"}, kPods, view());
  gateway::Targets& targets = all.at({"hello", zone});
  set_weights(change, {"hello", zone}, kPods, view(), targets);
  std::vector<double> found;
  for (const route::Host& host : targets.hosts) found.push_back(host.weight);
  return found;
}

}  // namespace

TEST_CASE("weights are changed for a pod, for all of a node, and for another zone's gateway") {
  plan::ChangeCluster change;
  change.kind = plan::ChangeCluster::Kind::kWeights;
  change.what = "hello";
  change.zone = "zone-a";
  using Weights = std::vector<double>;
  CHECK(weights(change, "zone-a") == Weights{1, 1, 1, 1});
  change.weights = {{"hello-1", 5}};
  CHECK(weights(change, "zone-a") == Weights{1, 5, 1, 1});
  change.weights = {{"hello-0", 2}, {"node1", 0}};
  CHECK(weights(change, "zone-a") == Weights{2, 0, 1, 1});
  change.weights = {{"zone-b", 7}};
  CHECK(weights(change, "zone-a") == Weights{1, 1, 1, 7});
  CHECK(weights(change, "zone-b") == Weights{1, 1});  // another zone's gateway isn't meant
  change.zone.clear();
  change.weights = {{"node3", 4}};
  CHECK(weights(change, "zone-b") == Weights{4, 1});
  change.what = "other";
  CHECK(weights(change, "zone-b") == Weights{1, 1});
}

TEST_CASE("a name that no target has is known as such") {
  plan::ChangeCluster change;
  change.what = "hello";
  for (const char* name : {"hello-0", "node2", "zone-b"})
    CHECK(has_target(change, name, kPods, view()));
  for (const char* name : {"other-0", "node9", "zone-c", ""})
    CHECK_FALSE(has_target(change, name, kPods, view()));
}

}  // namespace galileo::experiment
