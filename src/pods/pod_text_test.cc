#include "pods/pod_text.h"

#include "pods/pods_fixture.h"

namespace galileo::pods {
namespace {

std::string text_of(const Json& pod) {
  return pod_text(read_pod(pod));
}

TEST_CASE("a running pod is written as the old adapter writes it, byte by byte") {
  Json pod = running(pending());
  pod["metadata"]["labels"] = {{"ether.edgerun.io/zone", "main"},
                               {"ether.edgerun.io/function", "a"}};
  pod["status"]["qosClass"] = "Burstable";
  pod["spec"]["containers"][0]["ports"] = {{{"name", "function-port"}, {"containerPort", 8080}}};
  pod["spec"]["containers"][0]["resources"] = {{"requests", {{"memory", "1024Mi"}, {"cpu", 0.1}}},
                                               {"limits", {{"cpu", "1"}}}};
  CHECK(
      text_of(pod) ==
      R"({"podUid":"uid-a-0","containers":{"main":{"id":"containerd://abababababababababababababababababababababababababababababababab",)"
      R"("name":"main","image":"app:1","port":8080,"resource_requests":{"cpu":"\"100m\"","memory":"\"1Gi\""},"resource_limits":{"cpu":"\"1\""}}},)"
      R"("namespace":"default","hostIP":"192.168.0.2","name":"a-0","nodeName":"n1","podIP":"10.244.0.7","qosClass":"Burstable",)"
      R"("startTime":"2026-11-30T08:00:02Z","labels":{"ether.edgerun.io/function":"a","ether.edgerun.io/zone":"main"},"status":"Running"})");
}

TEST_CASE(
    "a pending pod has no containers, no start and no labels, and says so as the old one does") {
  CHECK(
      text_of(pending()) ==
      R"({"podUid":"uid-a-0","containers":{},"namespace":"default","hostIP":"","name":"a-0","nodeName":"","podIP":"",)"
      R"("qosClass":"BestEffort","startTime":null,"labels":null,"status":"Pending"})");
}

TEST_CASE("a container that is being created has an empty id, and -1 for no port") {
  Json pod = placed(pending());
  pod["status"]["containerStatuses"] = Json::parse(
      R"([{"name": "main", "image": "app:1", "restartCount": 0, "state": {"waiting": {"reason": "ContainerCreating"}}}])");
  CHECK(
      text_of(pod).find(
          R"("containers":{"main":{"id":"","name":"main","image":"app:1","port":-1,"resource_requests":{},"resource_limits":{}}})") !=
      std::string::npos);
}

// Names of spec and status, images of both; the names that come out, in their order.
Names matched(const Json& specs, const Json& statuses) {
  Json pod = pending();
  pod["spec"]["containers"] = specs;
  pod["status"]["containerStatuses"] = statuses;
  const auto written = nlohmann::ordered_json::parse(text_of(pod));
  Names names;
  for (const auto& [name, container] : written["containers"].items())
    names.push_back(name + " " + container["name"].get<std::string>() + " " +
                    container["image"].get<std::string>());
  return names;
}

TEST_CASE("containers are matched as the old adapter matches them") {
  const auto one = [](const char* name, const char* image) {
    return Json{{"name", name}, {"image", image}};
  };
  // The only one is it, whatever the node calls it.
  CHECK(matched(Json::array({one("main", "app:1")}), Json::array({one("other", "sha256:12")})) ==
        Names{"main other app:1"});
  // Else by name, and the image's name within what the node has found.
  CHECK(matched(Json::array({one("b", "app:1"), one("a", "side")}),
                Json::array({one("b", "docker.io/library/app:1"),
                             one("a", "docker.io/library/side:latest")})) ==
        Names{"a a side", "b b app:1"});
  CHECK(matched(Json::array({one("a", "app:1"), one("b", "side:2")}),
                Json::array({one("a", "sha256:12"), one("b", "side:2")})) == Names{"b b side:2"});
  CHECK(matched(Json::array({one("a", "host:5000/app:1"), one("b", "side:2")}),
                Json::array({one("a", "host:5000/app:1")})) == Names{"a a host:5000/app:1"});
  CHECK(matched(Json::array({one("a", "host:5000/app:1"), one("b", "side:2")}),
                Json::array({one("a", "mirror/host/app:1")})) == Names{"a a host:5000/app:1"});
  // Those without a status aren't listed, and those that nobody asked for neither.
  CHECK(matched(Json::array({one("a", "app:1"), one("b", "side:2")}),
                Json::array({one("c", "app:1")})) == Names{});
}

TEST_CASE("keys are sorted by bytes, and what HTML could take for its own is escaped, as Go does") {
  CHECK(texts_json({}) == "{}");
  CHECK(texts_json({{"b", "1"}, {"a-b", "2"}, {"a.b", "3"}, {"B", "4"}, {"a/b", "5"}}) ==
        R"({"B":"4","a-b":"2","a.b":"3","a/b":"5","b":"1"})");
  CHECK(texts_json({{"k", "<a&b>\"\\\n\xe2\x80\xa8\xe2\x80\xa9\xc3\xa4"}}) ==
        R"({"k":"\u003ca\u0026b\u003e\"\\\n\u2028\u2029)"
        "\xc3\xa4\"}");
  CHECK(texts_json({{"k", "\xff"}}) == "{\"k\":\"\xef\xbf\xbd\"}");
}

TEST_CASE("of what is no pod nothing is read, and nothing breaks") {
  for (const char* text :
       {"null", "[]", "1", "{}", R"({"metadata": [], "spec": 1, "status": "x"})",
        R"({"spec": {"containers": [1, null, {"ports": [], "resources": []}]}})",
        R"({"status": {"containerStatuses": {"a": 1}, "conditions": [[], 3]}})"}) {
    CAPTURE(text);
    const Pod pod = read_pod(Json::parse(text));
    CHECK(pod.uid.empty());
    CHECK_FALSE(pod_text(pod).empty());
  }
}

TEST_CASE("what experiments need of a pod is read") {
  Json object = running(pending());
  object["metadata"]["ownerReferences"] = Json::parse(
      R"([{"kind": "X", "name": "x", "uid": "1"}, {"kind": "ReplicaSet", "name": "a", "uid": "2", "controller": true}])");
  object["spec"]["containers"][0]["readinessProbe"] = {{"tcpSocket", {{"port", 8080}}}};
  object["status"]["conditions"].push_back({{"type", "Ready"}, {"status", "True"}});
  first_status(object)["lastState"] = Json::parse(
      R"({"terminated": {"containerID": "containerd://1", "exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-11-30T08:00:09Z"}})");
  const Pod pod = read_pod(object);
  CHECK(pod.owner_kind == "ReplicaSet");
  CHECK(pod.owner_uid == "2");
  CHECK(pod.containers.at(0).has_readiness_probe);
  CHECK(is_ready(pod));
  CHECK(is_running(pod));
  CHECK(pod.statuses.at(0).state == ContainerStatus::State::kRunning);
  CHECK(pod.statuses.at(0).last->exit_code == 137);
  CHECK(pod.version == "1");
  CHECK_FALSE(is_running(read_pod(pending())));
  CHECK_FALSE(is_ready(read_pod(pending())));
}

}  // namespace
}  // namespace galileo::pods
