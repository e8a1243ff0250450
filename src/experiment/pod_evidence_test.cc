#include "experiment/pod_evidence.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace galileo::experiment {
namespace {

using Json = nlohmann::json;

Json pod(const std::string& name, const std::string& uid, const std::string& phase) {
  return {{"metadata", {{"name", name}, {"uid", uid}}},
          {"spec", {{"nodeName", "node1"}}},
          {"status", {{"phase", phase}}}};
}

Json event(const std::string& uid, const std::string& kind, const std::string& name,
           const std::string& of, const std::string& message) {
  return {{"metadata", {{"uid", uid}}},
          {"type", "Warning"},
          {"reason", "Failed"},
          {"lastTimestamp", "2026-11-30T08:00:00Z"},
          {"involvedObject", {{"kind", kind}, {"name", name}, {"uid", of}}},
          {"message", message}};
}

}  // namespace

TEST_CASE("of each pod its last status is kept, also of one that has gone") {
  PodEvidence evidence({"hello"});
  CHECK(evidence.statuses().empty());
  evidence.on_pod(pod("hello-0", "u0", "Pending"));
  evidence.on_pod(pod("hello-1", "u1", "Running"));
  evidence.on_pod(pod("hello-0", "u0", "Failed"));
  const Json kept = Json::parse(evidence.statuses());
  CHECK(kept.size() == 2);
  CHECK(kept["hello-0"]["status"]["phase"] == "Failed");
  CHECK(kept["hello-0"]["node"] == "node1");
  CHECK(kept["hello-1"]["uid"] == "u1");
}

TEST_CASE("events about the run's objects are told in their order, with how often they came") {
  PodEvidence evidence({"hello"});
  evidence.on_event(event("old", "Pod", "hello-0", "u0", "of before"));
  evidence.on_synced();
  evidence.on_event(event("2", "Pod", "hello-0", "u0", "heard before its pod"));
  evidence.on_event(event("1", "ReplicaSet", "hello-deployment-7d9", "r1", "exceeded quota"));
  evidence.on_event(event("3", "Pod", "hello-0", "of an earlier run", "no"));
  evidence.on_event(event("4", "Deployment", "hello2-deployment", "r1", "no"));
  evidence.on_event(event("5", "Node", "node1", "node1", "no"));
  evidence.on_pod(pod("hello-0", "u0", "Pending"));
  Json again = event("2", "Pod", "hello-0", "u0", "a line\nand \x1b[31manother");
  // The newer form has no lastTimestamp.
  again["lastTimestamp"] = nullptr;
  again["eventTime"] = "2026-11-30T08:00:01.5Z";
  again["series"] = {{"count", 7}, {"lastObservedTime", "2026-11-30T08:00:09.5Z"}};
  evidence.on_event(again);
  const std::string told = evidence.messages();
  const auto lines = split(told, '\n');
  REQUIRE(lines.size() == 3);
  CHECK(lines[0] ==
        "2026-11-30T08:00:00Z Warning Failed replicaset/hello-deployment-7d9: exceeded quota");
  CHECK(
      lines[1].starts_with("2026-11-30T08:00:09.5Z Warning Failed pod/hello-0 (7 times): a line"));
  CHECK(lines[1].find('\x1b') == std::string_view::npos);
  CHECK(lines[2].empty());
}

TEST_CASE("of objects of the manifests events are told too, and pods under names of their own") {
  PodEvidence evidence({"hello"}, {"db", "web"});
  evidence.on_synced();
  evidence.on_event(event("1", "StatefulSet", "db", "s", "can't make its pod"));
  evidence.on_event(event("2", "ReplicaSet", "web-5f", "r", "exceeded quota"));
  evidence.on_event(event("3", "StatefulSet", "db2", "s2", "no"));
  evidence.on_event(event("4", "Pod", "db-0", "of another", "no"));
  evidence.on_event(event("5", "Pod", "db-0", "u0", "pulled"));
  evidence.on_pod(pod("db-0", "u0", "Pending"), "db-0@elsewhere");
  CHECK(split(evidence.messages(), '\n').size() == 4);
  CHECK(Json::parse(evidence.statuses()).contains("db-0@elsewhere"));
}

TEST_CASE("what is kept is bounded, and what isn't is said") {
  PodEvidence evidence({"hello"});
  evidence.on_synced();
  for (std::size_t i = 0; i < PodEvidence::kMessagesMax + 5; ++i)
    evidence.on_event(event(std::to_string(i), "Pod", "hello-0", "u0", "m"));
  for (std::size_t i = 0; i < PodEvidence::kPodsMax + 5; ++i)
    evidence.on_pod(pod("hello-" + std::to_string(i), "u" + std::to_string(i), "Running"));
  CHECK(Json::parse(evidence.statuses()).size() == PodEvidence::kPodsMax);
  CHECK(evidence.messages().ends_with("\n5 more, of this namespace, weren't kept\n"));
  Json large = pod("hello-0", "u0", "Failed");
  large["status"]["message"] = std::string(PodEvidence::kStatusMax, 'x');
  evidence.on_pod(large);
  CHECK(Json::parse(evidence.statuses())["hello-0"]["status"]["phase"] == "Running");
}

TEST_CASE("where events may not be read, that is said") {
  PodEvidence evidence({"hello"});
  CHECK(evidence.messages().empty());
  evidence.on_trouble("events is forbidden");
  CHECK(evidence.messages() == "events can't be heard: events is forbidden\n");
}

}  // namespace galileo::experiment
