// What a pod adapter tells of pods on galileo/events (docs/wire/bus.md, "Events"): the life of a
// pod, `pod/<state>` with a JSON object, as the old adapter and others of its family write it; and
// of ours the runs of its containers (`container/restart`, `/exit`, `/oom`), each with an id of its
// own. Pure functions; any thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/sample.h"

namespace galileo::wire {

struct PodContainer {
  std::string name;
  std::string id;  // 64 hex digits, without the runtime's name; empty: it hasn't started
  std::string image;
  int port = -1;  // the first one that it names; -1: none
};

struct PodEvent {
  std::string state;  // create, pending, running, shutdown, delete
  std::string uid;
  std::string name;
  std::string name_space;
  std::string node;  // empty: not placed yet
  std::string ip;    // empty: it has none yet
  std::string host_ip;
  std::string phase;  // "Running", "Pending", "Failed", ...
  std::map<std::string, std::string> labels;
  std::vector<PodContainer> containers;
};

// What a run records of a pod that served it and was there before: a gateway's, a worker's, a
// telemetry daemon's, as pod/running tells of it.
inline constexpr std::string_view kStandingPod = "cluster/part";

// The event is named like one: "pod/<state>", or as a standing one's.
bool is_pod_event(std::string_view name);

// An Error (kCorrupt) where the value is no object, or tells of no pod. Fields that are null or of
// another type are empty.
Result<PodEvent> parse_pod_event(const Event& event);

// Runs of one container of a pod: that one of an id was followed by another, or has ended.
struct ContainerEvent {
  std::string pod_uid;
  std::string container;         // its name
  std::vector<std::string> ids;  // that it has had, as far as this tells
};

bool is_container_event(std::string_view name);
Result<ContainerEvent> parse_container_event(const Event& event);

// "containerd://<64 hex>" without what stands before.
std::string_view container_id_of(std::string_view id);

}  // namespace galileo::wire
