#include "analysis/pod_lives.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace galileo::analysis {
namespace {

constexpr Wall at(double s) {
  return Wall{std::chrono::duration_cast<Duration>(std::chrono::duration<double>(s))};
}

struct Told {
  std::string uid = "u";
  std::string name = "a-0";
  std::string node = "n1";
  std::string ip = "10.0.0.7";
  std::string phase = "Running";
  std::string id = std::string(64, 'a');
  std::string labels = R"("ether.edgerun.io/function": "a")";
  std::string host_ip = "192.168.0.2";
};

wire::Event pod(double s, const std::string& state, const Told& told = {}) {
  return {
      at(s), "pod/" + state,
      fmt::format(
          R"({{"podUid": "{}", "containers": {{"main": {{"id": "containerd://{}", )"
          R"("image": "app:1", "port": 8080}}}}, "namespace": "default", "hostIP": "{}", )"
          R"("name": "{}", "nodeName": "{}", "podIP": "{}", "labels": {{{}}}, "status": "{}"}})",
          told.uid, told.id, told.host_ip, told.name, told.node, told.ip, told.labels, told.phase)};
}

TEST_CASE("a pod's life is from when it first ran to whatever told first of its end") {
  PodLives pods;
  Told pending{.ip = "", .phase = "Pending", .id = ""};
  pods.add(pod(1, "create", pending));
  pods.add(pod(2, "pending", pending));
  pods.add(pod(3, "running"));
  // A scaler tells of the end by its own clock, then the adapter does, then it is gone.
  pods.add(pod(9, "shutdown", {.phase = "Not Running"}));
  pods.add(pod(9.5, "shutdown"));
  pods.add(pod(12, "delete"));
  REQUIRE(pods.all().size() == 1);
  const PodLives::Pod& one = pods.all()[0];
  CHECK(one.seen == at(1));
  CHECK(one.running == at(3));
  CHECK(one.ended == at(9));
  CHECK(one.function == "a");
  CHECK(one.is_of_application());
}

TEST_CASE("a pod that ran before anybody looked runs from when it is first told of") {
  PodLives pods;
  pods.add(pod(5, "create"));
  CHECK(pods.all()[0].running == at(5));
  CHECK(pods.all()[0].ended == kNoWall);
}

TEST_CASE("a pod that failed has ended, one that never ran hasn't begun") {
  PodLives pods;
  pods.add(pod(1, "create", {.uid = "x", .ip = "", .phase = "Pending"}));
  pods.add(pod(4, "delete", {.uid = "x", .ip = "", .phase = "Failed"}));
  CHECK(pods.all()[0].running == kNoWall);
  CHECK(pods.all()[0].ended == at(4));
}

TEST_CASE("an address is whose it was at that time, and who has none yet gets none") {
  PodLives pods;
  pods.add(pod(1, "running", {.uid = "first", .name = "a-0"}));
  pods.add(pod(5, "delete", {.uid = "first", .name = "a-0"}));
  pods.add(pod(6, "running", {.uid = "second", .name = "b-0", .id = "b"}));
  pods.add(pod(7, "create", {.uid = "third", .name = "c-0", .ip = "", .phase = "Pending"}));
  struct Case {
    const char* address;
    double s;
    std::size_t pod;
  };
  const Case cases[] = {
      {"10.0.0.7:8080", 0, 0},  // asked before it was told of
      {"10.0.0.7:8080", 3, 0},
      {"10.0.0.7:8080", 5.5, 0},
      {"10.0.0.7:8080", 6, 1},
      {"10.0.0.7", 9, 1},
      {"10.0.0.8:8080", 9, PodLives::kNone},
      {"", 9, PodLives::kNone},
      {":8080", 9, PodLives::kNone},
  };
  for (const Case& one : cases) {
    CAPTURE(one.address);
    CAPTURE(one.s);
    CHECK(pods.at_address(one.address, at(one.s)) == one.pod);
  }
}

TEST_CASE("all who have had an address are told in their order") {
  PodLives pods;
  pods.add(pod(1, "running", {.uid = "first", .name = "a-0"}));
  pods.add(pod(6, "running", {.uid = "second", .name = "b-0", .id = "b"}));
  pods.add(pod(7, "running", {.uid = "gw", .name = "gw", .ip = "192.168.0.2", .id = "g"}));
  const auto holders = pods.holders("10.0.0.7:8080");
  REQUIRE(holders.size() == 2);
  CHECK(holders[0].pod == 0);
  CHECK(holders[0].from == at(1));
  CHECK(holders[1].pod == 1);
  CHECK(holders[1].from == at(6));
  CHECK(pods.holders("192.168.0.2:8080").size() == 1);
  CHECK(pods.holders("192.168.0.2:6379").empty());
  CHECK(pods.holders("nowhere").empty());
}

TEST_CASE("pods on their host's network are told apart by their ports") {
  PodLives pods;
  pods.add(pod(1, "running", {.uid = "gw", .name = "gw", .ip = "192.168.0.2", .id = "g"}));
  CHECK(pods.at_address("192.168.0.2:8080", at(2)) == 0);
  CHECK(pods.at_address("192.168.0.2:6379", at(2)) == PodLives::kNone);
}

TEST_CASE("an IPv6 address stands in brackets") {
  PodLives pods;
  pods.add(pod(1, "running", {.ip = "fd00::7"}));
  CHECK(pods.at_address("[fd00::7]:8080", at(2)) == 0);
}

TEST_CASE("a container that was started again has two ids, both its pod's") {
  PodLives pods;
  pods.add(pod(1, "running", {.id = "old"}));
  pods.add(
      {at(2), "container/restart",
       R"({"podUid": "u", "container": "main", "id": "containerd://new", "previousId": "containerd://old"})"});
  pods.add({at(3), "container/exit", R"({"podUid": "u", "container": "main", "id": "newest"})"});
  pods.add({at(3), "container/exit", R"({"podUid": "u", "container": "other", "id": "x"})"});
  pods.add({at(3), "container/exit", R"({"podUid": "nobody", "container": "main", "id": "x"})"});
  for (const char* id : {"old", "new", "newest"}) {
    CAPTURE(id);
    CHECK(pods.of_container(id).pod == 0);
  }
  CHECK(pods.of_container("x").pod == PodLives::kNone);
  CHECK(pods.all()[0].containers[0].ids == std::vector<std::string>{"old", "new", "newest"});
}

TEST_CASE("a zone is the pod's, else its node's, else nobody's") {
  PodLives pods;
  pods.add(pod(1, "running",
               {.uid = "a", .labels = R"("ether.edgerun.io/zone": "zone-a")", .host_ip = "h"}));
  pods.add(pod(1, "running", {.uid = "b", .node = "n2", .ip = "10.0.0.8", .labels = ""}));
  pods.add(pod(1, "running", {.uid = "c", .node = "n3", .ip = "10.0.0.9", .labels = ""}));
  pods.add(wire::NodeInfo{"n1", "labels", R"({"ether.edgerun.io/zone": "zone-x"})"});
  pods.add(wire::NodeInfo{"n2", "labels", R"({"ether.edgerun.io/zone": "zone-b"})"});
  pods.add(wire::NodeInfo{"n3", "labels", "nonsense"});
  pods.add(wire::NodeInfo{"n3", "cpus", "2"});
  CHECK(pods.zone_of(pods.all()[0]) == "zone-a");
  CHECK(pods.zone_of(pods.all()[1]) == "zone-b");
  CHECK(pods.zone_of(pods.all()[2]).empty());
}

TEST_CASE("workers and gateways are no application's") {
  PodLives pods;
  pods.add(pod(1, "running", {.uid = "w", .labels = R"("ether.edgerun.io/function": "client")"}));
  pods.add(
      pod(1, "running",
          {.uid = "g", .labels = R"("type": "api-gateway", "ether.edgerun.io/function": "g")"}));
  pods.add(pod(1, "running", {.uid = "s", .labels = ""}));
  for (const PodLives::Pod& one : pods.all()) {
    CAPTURE(one.uid);
    CHECK_FALSE(one.is_of_application());
  }
}

TEST_CASE("what can't be read is counted, and pods beyond the bound are too") {
  PodLives pods;
  pods.add({at(1), "pod/running", "nonsense"});
  pods.add({at(1), "scale", "3"});
  CHECK(pods.malformed() == 1);
  CHECK(pods.empty());
  for (std::size_t i = 0; i < PodLives::kPodsMax + 3; ++i)
    pods.add(pod(1, "running", {.uid = fmt::format("u{}", i), .id = fmt::format("{}", i)}));
  CHECK(pods.all().size() == PodLives::kPodsMax);
  CHECK(pods.left_out() == 3);
}

}  // namespace
}  // namespace galileo::analysis
