// A pod as the API server tells it: what observers and experiments need of its JSON, by the names
// that Kubernetes has for it. Values; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace galileo::pods {

// A container as it was asked for.
struct ContainerSpec {
  std::string name;
  std::string image;
  std::int64_t port = -1;                       // the first one that it names; -1: none
  std::map<std::string, std::string> requests;  // quantities as the API server writes them
  std::map<std::string, std::string> limits;
  bool has_readiness_probe = false;
};

// How one run of a container has ended.
struct ContainerEnd {
  std::string id;
  std::string reason;  // "OOMKilled", "Error", "Completed"
  std::string message;
  std::int64_t exit_code = 0;
  std::int64_t signal = 0;
  std::string started_at;  // the node's times, whole seconds: "2026-11-30T08:00:00Z"
  std::string finished_at;
};

// What has become of a container, as its node says. One that doesn't exist yet has no id.
struct ContainerStatus {
  enum class State : std::uint8_t { kUnknown, kWaiting, kRunning, kTerminated };
  std::string name;
  std::string image;
  std::string id;  // "containerd://<64 hex digits>"
  bool is_ready = false;
  std::int64_t restarts = 0;
  State state = State::kUnknown;
  std::string reason;                // why it waits: "ImagePullBackOff", "CrashLoopBackOff"
  std::string message;               // the same in more words
  std::string started_at;            // while it runs
  std::optional<ContainerEnd> end;   // terminated
  std::optional<ContainerEnd> last;  // the run before this one
};

struct PodCondition {
  std::string type;    // "PodScheduled", "Ready", "DisruptionTarget"
  std::string status;  // "True", "False", "Unknown"
  std::string reason;
  std::string message;
  std::string changed_at;  // whole seconds
};

struct Pod {
  std::string uid;
  std::string version;  // its resourceVersion
  std::string name;
  std::string name_space;
  std::string created_at;
  std::string deleted_at;  // the deletion stamp, which may lie ahead; empty: it isn't to go
  std::map<std::string, std::string> labels;
  // Who made it, where a controller did: "ReplicaSet", its name and uid.
  std::string owner_kind;
  std::string owner_name;
  std::string owner_uid;

  std::string node;  // empty: not placed yet
  std::string scheduler;
  std::vector<ContainerSpec> containers;

  std::string phase;   // "Pending", "Running", "Succeeded", "Failed", "Unknown"
  std::string reason;  // why it failed as a whole: "Evicted", "OutOfcpu"
  std::string message;
  std::string ip;
  std::string host_ip;
  std::string qos;
  std::string started_at;  // when its node took it on; empty: not yet
  std::vector<PodCondition> conditions;
  std::vector<ContainerStatus> statuses;       // in the API server's order
  std::vector<ContainerStatus> init_statuses;  // of those that run before, or beside from before
};

// What is missing stays empty; of what isn't a pod everything is.
Pod read_pod(const nlohmann::json& object);

// Null where it has none of that type.
const PodCondition* condition(const Pod& pod, std::string_view type);
bool is_ready(const Pod& pod);
// It is running, has an address, and its first container an id: telemetry and requests find it.
bool is_running(const Pod& pod);

}  // namespace galileo::pods
