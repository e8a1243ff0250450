// What else happens in a cluster that an experiment wants on its time axis: nodes that come, go and
// aren't ready, decisions of autoscalers, and what Kubernetes' own events say. As pod_events.h:
// told of objects, no clock, no socket, on one loop; what was there before the first list's end
// isn't told.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "pods/pod_events.h"

namespace galileo::pods {

// What telemd.info:<node> gets, as JSON texts.
struct NodeFields {
  std::string labels;
  std::string allocatable;
  bool operator==(const NodeFields&) const = default;
};

// Nodes as the cluster has them. A node's name may come again with another uid: then it is another.
class NodeEvents {
 public:
  // A node's fields, whenever they are new or others; none: it has gone.
  using TakeFields =
      std::function<void(const std::string& node, const std::optional<NodeFields>& fields)>;
  NodeEvents(TakeEvent take, TakeFields take_fields)
      : take_(std::move(take)), take_fields_(std::move(take_fields)) {}

  void on_object(const nlohmann::json& node, Wall now);
  void on_gone(const std::string& uid, Wall now);
  void on_synced() { is_synced_ = true; }
  std::size_t size() const { return known_.size(); }

 private:
  struct Known {
    std::string name;
    NodeFields fields;
    std::string ready;  // "True", "False", "Unknown"
    bool is_cordoned = false;
  };
  void tell(std::string_view name, const nlohmann::ordered_json& text, Wall now) const;

  const TakeEvent take_;
  const TakeFields take_fields_;
  std::unordered_map<std::string, Known> known_;  // by uid
  bool is_synced_ = false;
};

// Of HorizontalPodAutoscalers (autoscaling/v2): how many replicas it wants when that changes, and
// its conditions when their status or reason does, which say why it can't. What it wants is its own
// word; what there is then, the pods' events tell.
class ScalerEvents {
 public:
  explicit ScalerEvents(TakeEvent take) : take_(std::move(take)) {}

  void on_object(const nlohmann::json& scaler, Wall now);
  void on_gone(const std::string& uid) { known_.erase(uid); }
  void on_synced() { is_synced_ = true; }

 private:
  struct Known {
    std::int64_t desired = 0;
    std::map<std::string, std::string> conditions;  // by type: status and reason
  };
  const TakeEvent take_;
  std::unordered_map<std::string, Known> known_;  // by uid
  bool is_synced_ = false;
};

// What a core/v1 Event says, of its newer form or its older one.
struct ClusterMessage {
  std::string type;    // "Warning"
  std::string reason;  // "FailedScheduling"
  std::string kind;    // of the object that it is about, as the next three
  std::string name_space;
  std::string name;
  std::string uid;
  std::string by;
  std::int64_t count = 1;
  std::string last;     // when, as the API has it
  std::string message;  // at most kMessageMax characters
};
ClusterMessage read_message(const nlohmann::json& event);

// A core/v1 Event as an event of ours, where it happened after the first list. Each change of it
// (it counts up) is another.
class ClusterMessages {
 public:
  explicit ClusterMessages(TakeEvent take) : take_(std::move(take)) {}

  void on_object(const nlohmann::json& event, Wall now);
  void on_synced() { is_synced_ = true; }

 private:
  const TakeEvent take_;
  bool is_synced_ = false;
};

}  // namespace galileo::pods
