#include "experiment/watched_pods.h"

#include <doctest/doctest.h>

#include "experiment/pod_objects.h"

namespace galileo::experiment {
namespace {

constexpr const char* kRun = "202611300800-abcd";

// Of the function hello, that runs on node1; `run`: its label's, empty for one of a controller's.
pods::Pod pod(const std::string& uid, const std::string& run = kRun) {
  pods::Pod one;
  one.uid = uid;
  one.name = "pod-" + uid;
  one.labels[kFunctionLabel] = "hello";
  if (!run.empty()) one.labels[kExperimentLabel] = run;
  one.node = "node1";
  one.phase = "Running";
  one.ip = "10.1.0." + uid;
  return one;
}

WatchedPods::Options options() {
  WatchedPods::Options options;
  options.experiment = kRun;
  options.ports = {{"hello", 80}};
  options.nodes["node1"] = {"zone-a", "host1"};
  options.older = {"7"};
  return options;
}

bool takes_all(const pods::Pod&) {
  return true;
}

std::vector<std::string> hosts(const WatchedPods& pods) {
  std::vector<std::string> hosts;
  for (const ReadyPod& one : pods.ready(takes_all)) hosts.push_back(one.host);
  return hosts;
}

}  // namespace

TEST_CASE("the run's pods are its own and those that appear beside it, never older ones") {
  const WatchedPods pods(options());
  CHECK(pods.is_of_run(pod("1")));
  // A controller labels with its own labels only.
  CHECK(pods.is_of_run(pod("2", "")));
  CHECK_FALSE(pods.is_of_run(pod("7", "")));
  CHECK_FALSE(pods.is_of_run(pod("7")));
  CHECK_FALSE(pods.is_of_run(pod("3", "202611300800-dead")));
}

TEST_CASE("pods that take requests follow what is there, each by where it is") {
  WatchedPods pods(options());
  pods.on_pod(pod("2", ""), Time{});
  pods.on_pod(pod("1"), Time{});
  CHECK(hosts(pods) == std::vector<std::string>{"10.1.0.1:80", "10.1.0.2:80"});
  CHECK(pods.ready(takes_all).front() ==
        ReadyPod{"hello", "zone-a", "10.1.0.1:80", "pod-1", "node1"});
  CHECK(pods.nodes() == std::set<std::string>{"node1"});
  // Its own label says more than its node's.
  pods::Pod elsewhere = pod("1");
  elsewhere.labels[kZoneLabel] = "zone-b";
  pods.on_pod(elsewhere, Time{});
  CHECK(pods.ready(takes_all).back().zone == "zone-b");
  // Those that others know to be away, and those that we are about to remove.
  CHECK(pods.ready([](const pods::Pod& one) { return one.uid != "2"; }).size() == 1);
  CHECK(pods.waiting([](const pods::Pod& one) { return one.uid != "2"; }) ==
        std::vector<std::string>{"pod-2: not ready"});
  pods.expect_end_of("1");
  CHECK(hosts(pods) == std::vector<std::string>{"10.1.0.2:80"});
  CHECK(pods.uids_of("hello") == std::map<std::string, std::string>{{"pod-2", "2"}});
  CHECK(pods.uids_of("other").empty());
  // An address of one that is gone may be another's by now: it went with its uid.
  static_cast<void>(pods.on_gone("2"));
  CHECK(hosts(pods).empty());
}

TEST_CASE("one that somebody took away is a loss, unless that was to come") {
  WatchedPods pods(options());
  for (const char* uid : {"1", "2"}) pods.on_pod(pod(uid), Time{});
  pods.on_pod(pod("3", ""), Time{});
  pods::Pod kept = pod("4");
  kept.owner_kind = "ReplicaSet";
  pods.on_pod(kept, Time{});
  pods.expect_end_of("2");
  const auto loss = pods.on_gone("1");
  REQUIRE(loss);
  CHECK(loss->pod == "pod-1");
  CHECK(loss->why.reason == "Deleted");
  // Ours, a controller's without our label, a Deployment's, and one that nobody knows.
  for (const char* uid : {"2", "3", "4", "9"}) CHECK_FALSE(pods.on_gone(uid));
}

TEST_CASE("one that can't be is told once, and is no loss when it goes") {
  WatchedPods::Options pinned = options();
  pinned.pinned = {"hello"};
  WatchedPods pods(pinned);
  pods::Pod failed = pod("1");
  failed.phase = "Failed";
  failed.reason = "Evicted";
  pods.on_pod(failed, Time{});
  // Pinned: nobody need be waited for.
  pods::Pod unplaced = pod("2");
  unplaced.node.clear();
  unplaced.phase = "Pending";
  unplaced.conditions = {{"PodScheduled", "False", "Unschedulable", "no room", {}}};
  pods.on_pod(unplaced, Time{});
  const auto losses = pods.failures(Time{});
  REQUIRE(losses.size() == 2);
  CHECK(losses[0].why.reason == "Evicted");
  CHECK(losses[1].why.reason == "Unschedulable");
  CHECK(pods.failures(Time{}).empty());
  CHECK_FALSE(pods.on_gone("1"));
}

}  // namespace galileo::experiment
