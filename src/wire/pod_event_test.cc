#include "wire/pod_event.h"

#include <doctest/doctest.h>

namespace galileo::wire {
namespace {

const std::string kId(64, 'a');

// As the old adapter wrote it (../shared/vectors/original-experiment-2.sqlite).
const std::string kRunning =
    R"({"podUid": "c0ffee00-0000-4000-8000-000000000000", "containers": {"main": {"id": "containerd://)" +
    kId +
    R"(", "name": "main", "image": "app:1", "port": 8080, "resource_requests": {"cpu": "\"100m\""}, )"
    R"("resource_limits": {}}}, "namespace": "default", "hostIP": "192.168.0.2", "name": "a-0", )"
    R"("nodeName": "n1", "podIP": "10.244.0.7", "qosClass": "Burstable", "startTime": null, )"
    R"("labels": {"ether.edgerun.io/function": "a", "ether.edgerun.io/zone": "main"}, "status": "Running"})";

Result<PodEvent> parse(const std::string& name, const std::string& value) {
  return parse_pod_event({Wall{}, name, value});
}

TEST_CASE("a pod's event tells who it is, where, and which containers it has") {
  const auto pod = parse("pod/running", kRunning);
  REQUIRE_MESSAGE(pod.ok(), pod.error().to_text());
  CHECK(pod->state == "running");
  CHECK(pod->uid == "c0ffee00-0000-4000-8000-000000000000");
  CHECK(pod->name == "a-0");
  CHECK(pod->name_space == "default");
  CHECK(pod->node == "n1");
  CHECK(pod->ip == "10.244.0.7");
  CHECK(pod->host_ip == "192.168.0.2");
  CHECK(pod->phase == "Running");
  CHECK(pod->labels.at("ether.edgerun.io/function") == "a");
  REQUIRE(pod->containers.size() == 1);
  CHECK(pod->containers[0].name == "main");
  CHECK(pod->containers[0].id == kId);
  CHECK(pod->containers[0].image == "app:1");
  CHECK(pod->containers[0].port == 8080);
}

TEST_CASE("a pod that was there before a run is told as one that runs") {
  const auto pod = parse(std::string(kStandingPod), kRunning);
  REQUIRE(pod.ok());
  CHECK(pod->state == "running");
  CHECK(pod->name == "a-0");
  CHECK(is_pod_event(kStandingPod));
  // Readers of the family take whatever has "pod" in its name for one of the old five.
  CHECK(kStandingPod.find("pod") == std::string_view::npos);
}

TEST_CASE("what isn't there yet is empty") {
  const auto pod = parse(
      "pod/create",
      R"({"podUid": "u", "name": "n", "podIP": null, "labels": null, "containers": {"a": {"id": "", "port": -1}, "b": 5}})");
  REQUIRE(pod.ok());
  CHECK(pod->ip.empty());
  CHECK(pod->labels.empty());
  REQUIRE(pod->containers.size() == 1);
  CHECK(pod->containers[0].id.empty());
  CHECK(pod->containers[0].port == -1);
}

TEST_CASE("what tells of no pod is refused") {
  CHECK_FALSE(is_pod_event("pods/x"));
  CHECK_FALSE(parse("scale", kRunning).ok());
  for (const char* value :
       {"", "[]", "{}", "5", R"({"podUid": "u"})", R"({"podUid": 5, "name": "n"})"}) {
    CAPTURE(value);
    const auto pod = parse("pod/running", value);
    REQUIRE_FALSE(pod.ok());
    CHECK(pod.error().code == ErrorCode::kCorrupt);
  }
}

TEST_CASE("a container that was started again has another id") {
  const auto restart = parse_container_event(
      {Wall{}, "container/restart",
       R"({"podUid": "u", "namespace": "default", "name": "n", "nodeName": "n1", "container": "main", )"
       R"("id": "containerd://new", "previousId": "containerd://old", "restarts": 1})"});
  REQUIRE(restart.ok());
  CHECK(restart->pod_uid == "u");
  CHECK(restart->container == "main");
  CHECK(restart->ids == std::vector<std::string>{"old", "new"});
  const auto exit = parse_container_event(
      {Wall{}, "container/exit", R"({"podUid": "u", "container": "main", "id": ""})"});
  REQUIRE(exit.ok());
  CHECK(exit->ids.empty());
  CHECK_FALSE(parse_container_event({Wall{}, "container/exit", R"({"podUid": "u"})"}).ok());
  CHECK_FALSE(parse_container_event({Wall{}, "pod/running", kRunning}).ok());
}

}  // namespace
}  // namespace galileo::wire
