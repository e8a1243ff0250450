#include "experiment/readiness.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <utility>

namespace galileo::experiment {
namespace {

pods::Pod pod(const std::string& ready, const std::string& why, const std::string& containers) {
  pods::Pod one;
  one.phase = "Running";
  one.ip = "10.0.0.1";
  one.statuses.emplace_back().id = "containerd://1";
  one.conditions = {{"Ready", ready, why, {}, {}}, {"ContainersReady", containers, {}, {}, {}}};
  return one;
}

}  // namespace

TEST_CASE("a pod takes requests while it runs, is ready and isn't to go") {
  CHECK(takes_requests(pod("True", "", "True"), true));
  CHECK_FALSE(takes_requests(pod("False", "ContainersNotReady", "False"), true));
  pods::Pod going = pod("True", "", "True");
  going.deleted_at = "2026-11-30T08:00:00Z";
  CHECK_FALSE(takes_requests(going, true));
  pods::Pod waiting = pod("True", "", "True");
  waiting.statuses.front().id.clear();
  CHECK_FALSE(takes_requests(waiting, true));
}

TEST_CASE("a node says nothing where it is gone, or where Kubernetes doesn't know how it is") {
  const auto node = [](const char* ready) {
    return std::optional(nlohmann::json{{"status",
                                         {{"conditions",
                                           {{{"type", "MemoryPressure"}, {"status", "Unknown"}},
                                            {{"type", "Ready"}, {"status", ready}}}}}}});
  };
  CHECK(says_nothing(std::nullopt));
  CHECK(says_nothing(node("Unknown")));
  CHECK_FALSE(says_nothing(node("True")));
  // It says itself that it can't take pods: it says when they have ended, too.
  CHECK_FALSE(says_nothing(node("False")));
  CHECK_FALSE(says_nothing(nlohmann::json::object()));
}

TEST_CASE("one that is unready since its node wasn't heard of is as the node's lease says") {
  // Given an API server that was away for a minute: all nodes are unknown once it is back.
  const pods::Pod by_node = pod("False", "", "True");
  CHECK(takes_requests(by_node, true));
  CHECK_FALSE(takes_requests(by_node, false));
  // Conditions that others set for it.
  CHECK_FALSE(takes_requests(pod("False", "ReadinessGatesNotReady", "True"), true));
  CHECK_FALSE(takes_requests(pod("False", "", "False"), true));
}

}  // namespace galileo::experiment
