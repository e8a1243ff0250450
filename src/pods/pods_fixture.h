// What the tests of pods share: pods as the API server writes them, made by a few words, and the
// events that came of them.
#pragma once

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "wire/sample.h"

namespace galileo::pods {

using Json = nlohmann::json;

inline constexpr Wall kNow{std::chrono::seconds{1'795'500'000}};
inline const std::string kId =
    "containerd://abababababababababababababababababababababababababababababababab";

// A pod of one container that has been placed nowhere yet.
inline Json pending(const std::string& name = "a-0") {
  return Json::parse(R"({
    "metadata": {"name": ")" +
                     name + R"(", "namespace": "default", "uid": "uid-)" + name + R"(",
      "resourceVersion": "1", "creationTimestamp": "2026-11-30T08:00:00Z"},
    "spec": {"schedulerName": "default-scheduler",
      "containers": [{"name": "main", "image": "app:1"}]},
    "status": {"phase": "Pending", "qosClass": "BestEffort"}})");
}

inline Json placed(Json pod) {
  pod["spec"]["nodeName"] = "n1";
  pod["status"]["conditions"] = Json::array({Json{{"type", "PodScheduled"},
                                                  {"status", "True"},
                                                  {"lastTransitionTime", "2026-11-30T08:00:01Z"}}});
  return pod;
}

// Placed, with an address and a container that runs.
inline Json running(Json pod) {
  pod = placed(std::move(pod));
  pod["status"]["phase"] = "Running";
  pod["status"]["podIP"] = "10.244.0.7";
  pod["status"]["hostIP"] = "192.168.0.2";
  pod["status"]["startTime"] = "2026-11-30T08:00:02Z";
  pod["status"]["containerStatuses"] = Json::parse(
      R"([{"name": "main", "image": "docker.io/library/app:1", "ready": true, "restartCount": 0,
           "containerID": ")" +
      kId + R"(", "state": {"running": {"startedAt": "2026-11-30T08:00:03Z"}}}])");
  return pod;
}

inline Json ending(Json pod) {
  pod["metadata"]["deletionTimestamp"] = "2026-11-30T08:01:00Z";
  return pod;
}

inline Json& first_status(Json& pod) {
  return pod["status"]["containerStatuses"][0];
}

// What was told since it was looked last.
struct Told {
  std::vector<wire::Event> events;

  void operator()(wire::Event&& event) { events.push_back(std::move(event)); }
  std::vector<std::string> names() {
    std::vector<std::string> all;
    for (const wire::Event& event : events) all.push_back(event.name);
    events.clear();
    return all;
  }
};

using Names = std::vector<std::string>;

}  // namespace galileo::pods
