#include "pods/cluster_events.h"

#include "pods/pods_fixture.h"

namespace galileo::pods {
namespace {

Json node(const std::string& name, const char* ready = "True") {
  return Json{
      {"metadata",
       {{"name", name}, {"uid", "uid-" + name}, {"labels", {{"zone", "a"}, {"arch", "arm"}}}}},
      {"spec", Json::object()},
      {"status",
       {{"allocatable", {{"memory", "8131912Ki"}, {"cpu", "4"}}},
        {"conditions",
         Json::array({Json{{"type", "Ready"}, {"status", ready}, {"reason", "R"}}})}}}};
}

struct Nodes {
  Told told;
  Names fields;
  NodeEvents events{
      [this](wire::Event&& event) { told(std::move(event)); },
      [this](const std::string& name, const std::optional<NodeFields>& of) {
        fields.push_back(name + (of ? " " + of->labels + " " + of->allocatable : " -"));
      }};
};

TEST_CASE("labels and resources of each node are given out, sorted, and again when they change") {
  Nodes nodes;
  nodes.events.on_object(node("n1"), kNow);
  nodes.events.on_object(node("n1"), kNow);
  Json other = node("n1");
  other["metadata"]["labels"]["zone"] = "b";
  nodes.events.on_object(other, kNow);
  nodes.events.on_gone("uid-n1", kNow);
  CHECK(nodes.fields == Names{R"(n1 {"arch":"arm","zone":"a"} {"cpu":"4","memory":"8131912Ki"})",
                              R"(n1 {"arch":"arm","zone":"b"} {"cpu":"4","memory":"8131912Ki"})",
                              "n1 -"});
  CHECK(nodes.told.names() == Names{});
}

TEST_CASE(
    "nodes that come, go, aren't ready and are cordoned are told, but not what was so before") {
  Nodes nodes;
  nodes.events.on_object(node("n1", "Unknown"), kNow);
  nodes.events.on_synced();
  CHECK(nodes.told.names() == Names{});
  nodes.events.on_object(node("n1", "True"), kNow);
  CHECK(nodes.told.names() == Names{"node/ready"});
  nodes.events.on_object(node("n1", "Unknown"), kNow);
  CHECK(nodes.told.events.at(0).value == R"({"node":"n1","reason":"R","message":""})");
  CHECK(nodes.told.names() == Names{"node/unready"});
  Json cordoned = node("n1", "Unknown");
  cordoned["spec"]["unschedulable"] = true;
  nodes.events.on_object(cordoned, kNow);
  CHECK(nodes.told.names() == Names{"node/cordon"});
  nodes.events.on_object(node("n1", "Unknown"), kNow);
  nodes.events.on_object(node("n2"), kNow);
  nodes.events.on_gone("uid-n2", kNow);
  CHECK(nodes.told.names() == Names{"node/uncordon", "node/new", "node/gone"});
  nodes.events.on_object(Json(), kNow);
  nodes.events.on_gone("nobody", kNow);
  CHECK(nodes.told.names() == Names{});
}

Json scaler(int current, int desired, const char* reason = "ReadyForNewScale") {
  return Json{
      {"metadata", {{"name", "h"}, {"namespace", "default"}, {"uid", "u"}}},
      {"spec", {{"maxReplicas", 5}, {"scaleTargetRef", {{"kind", "Deployment"}, {"name", "app"}}}}},
      {"status",
       {{"currentReplicas", current},
        {"desiredReplicas", desired},
        {"conditions", Json::array({Json{{"type", "ScalingActive"},
                                         {"status", "False"},
                                         {"reason", reason},
                                         {"message", "m"}}})}}}};
}

TEST_CASE("a scaler's decision is told with where from, its bounds and why") {
  Told told;
  ScalerEvents events([&](wire::Event&& event) { told(std::move(event)); });
  events.on_object(scaler(1, 1), kNow);
  events.on_synced();
  events.on_object(scaler(1, 1), kNow);
  CHECK(told.names() == Names{});
  events.on_object(scaler(1, 3), kNow);
  REQUIRE(told.events.size() == 1);
  CHECK(
      told.events[0].value ==
      R"({"namespace":"default","name":"h","kind":"Deployment","target":"app","from":1,"to":3,"min":1,"max":5,"metrics":null})");
  CHECK(told.names() == Names{"scaler/scale"});
  events.on_object(scaler(3, 3), kNow);
  CHECK(told.names() == Names{});
  events.on_object(scaler(3, 3, "FailedGetResourceMetric"), kNow);
  CHECK(
      told.events.at(0).value ==
      R"({"namespace":"default","name":"h","kind":"Deployment","target":"app","condition":"ScalingActive","status":"False","reason":"FailedGetResourceMetric","message":"m"})");
  CHECK(told.names() == Names{"scaler/condition"});
  events.on_gone("u");
  events.on_object(scaler(2, 2), kNow);
  CHECK(told.names() == Names{"scaler/condition"});  // a new one, whose first look changes nothing
}

TEST_CASE("Kubernetes' events are told in their new form and their old, and none from before") {
  Told told;
  ClusterMessages events([&](wire::Event&& event) { told(std::move(event)); });
  Json old = Json::parse(R"({"reason": "BackOff", "type": "Warning", "count": 4, "message": "m",
    "involvedObject": {"kind": "Pod", "namespace": "default", "name": "a", "uid": "u"},
    "source": {"component": "kubelet"}, "lastTimestamp": "2026-11-30T08:00:00Z", "eventTime": null})");
  events.on_object(old, kNow);
  events.on_synced();
  CHECK(told.names() == Names{});
  events.on_object(old, kNow);
  CHECK(
      told.events.at(0).value ==
      R"({"reason":"BackOff","type":"Warning","kind":"Pod","namespace":"default","name":"a","uid":"u","by":"kubelet","count":4,"last":"2026-11-30T08:00:00Z","message":"m"})");
  CHECK(told.names() == Names{"kubernetes/event"});
  Json fresh = Json::parse(
      R"({"reason": "FailedScheduling", "reportingComponent": "default-scheduler", "lastTimestamp": null,
    "eventTime": "2026-11-30T08:00:00.123456Z", "source": {}})");
  events.on_object(fresh, kNow);
  fresh["series"] = {{"count", 9}, {"lastObservedTime", "2026-11-30T08:00:09.123456Z"}};
  events.on_object(fresh, kNow);
  CHECK(Json::parse(told.events.at(0).value)["last"] == "2026-11-30T08:00:00.123456Z");
  CHECK(Json::parse(told.events.at(0).value)["by"] == "default-scheduler");
  CHECK(Json::parse(told.events.at(0).value)["count"] == 1);
  CHECK(Json::parse(told.events.at(1).value)["last"] == "2026-11-30T08:00:09.123456Z");
  CHECK(Json::parse(told.events.at(1).value)["count"] == 9);
}

TEST_CASE("a message of pages is cut") {
  Told told;
  ClusterMessages events([&](wire::Event&& event) { told(std::move(event)); });
  events.on_synced();
  events.on_object(Json{{"message", std::string(100'000, 'x')}}, kNow);
  CHECK(told.events.at(0).value.size() < 1200);
}

}  // namespace
}  // namespace galileo::pods
