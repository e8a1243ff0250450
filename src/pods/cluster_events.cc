#include "pods/cluster_events.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "base/utf8.h"
#include "kubernetes/objects.h"
#include "pods/fields.h"
#include "pods/pod_text.h"

namespace galileo::pods {
namespace {

using kubernetes::text_at;
using Ordered = nlohmann::ordered_json;

// New ones have no lastTimestamp, old ones nothing else.
std::string time_of(const nlohmann::json& event) {
  std::string time = text_at(event, {"series", "lastObservedTime"});
  if (time.empty()) time = text_at(event, {"lastTimestamp"});
  if (time.empty()) time = text_at(event, {"eventTime"});
  if (time.empty()) time = text_at(event, {"firstTimestamp"});
  return time;
}

}  // namespace

void NodeEvents::tell(std::string_view name, const Ordered& text, Wall now) const {
  if (is_synced_) take_(wire::Event{now, std::string(name), go_json(text)});
}

void NodeEvents::on_object(const nlohmann::json& node, Wall now) {
  const std::string uid = text_at(node, {"metadata", "uid"});
  const std::string name = text_at(node, {"metadata", "name"});
  if (uid.empty() || name.empty()) return;
  const auto [found, is_new] = known_.try_emplace(uid);
  Known& known = found->second;
  NodeFields fields{texts_json(texts_at(node, {"metadata", "labels"})),
                    texts_json(amounts_at(node, {"status", "allocatable"}))};
  if (is_new || fields != known.fields) {
    known.name = name;
    known.fields = std::move(fields);
    take_fields_(name, known.fields);
  }
  std::string ready;
  Ordered why{{"node", name}, {"reason", ""}, {"message", ""}};
  const nlohmann::json& conditions = value_at(node, {"status", "conditions"});
  if (conditions.is_array()) {
    for (const nlohmann::json& one : conditions) {
      if (text_at(one, {"type"}) != "Ready") continue;
      ready = text_at(one, {"status"});
      why["reason"] = text_at(one, {"reason"});
      why["message"] = shortened(text_at(one, {"message"}), kMessageMax);
    }
  }
  if (is_new) tell("node/new", Ordered{{"node", name}, {"ready", ready}}, now);
  if (!is_new && ready != known.ready)
    tell(ready == "True" ? "node/ready" : "node/unready", why, now);
  known.ready = ready;
  const bool is_cordoned = is_true_at(node, {"spec", "unschedulable"});
  if (!is_new && is_cordoned != known.is_cordoned)
    tell(is_cordoned ? "node/cordon" : "node/uncordon", Ordered{{"node", name}}, now);
  known.is_cordoned = is_cordoned;
}

void NodeEvents::on_gone(const std::string& uid, Wall now) {
  const auto found = known_.find(uid);
  if (found == known_.end()) return;
  take_fields_(found->second.name, std::nullopt);
  tell("node/gone", Ordered{{"node", found->second.name}}, now);
  known_.erase(found);
}

void ScalerEvents::on_object(const nlohmann::json& scaler, Wall now) {
  const std::string uid = text_at(scaler, {"metadata", "uid"});
  if (uid.empty()) return;
  const auto [found, is_new] = known_.try_emplace(uid);
  Known& known = found->second;
  const auto head = [&] {
    return Ordered{{"namespace", text_at(scaler, {"metadata", "namespace"})},
                   {"name", text_at(scaler, {"metadata", "name"})},
                   {"kind", text_at(scaler, {"spec", "scaleTargetRef", "kind"})},
                   {"target", text_at(scaler, {"spec", "scaleTargetRef", "name"})}};
  };
  const std::int64_t desired = number_at(scaler, {"status", "desiredReplicas"});
  const std::int64_t current = number_at(scaler, {"status", "currentReplicas"});
  // A new one's first look that leaves all as it is decides nothing.
  const bool is_first_look = known.desired == 0 && desired == current;
  if (is_synced_ && desired != known.desired && !is_first_look) {
    Ordered text = head();
    text["from"] = current;
    text["to"] = desired;
    text["min"] = number_at(scaler, {"spec", "minReplicas"}, 1);
    text["max"] = number_at(scaler, {"spec", "maxReplicas"});
    text["metrics"] = value_at(scaler, {"status", "currentMetrics"});
    take_(wire::Event{now, "scaler/scale", go_json(text)});
  }
  known.desired = desired;
  const nlohmann::json& conditions = value_at(scaler, {"status", "conditions"});
  if (!conditions.is_array()) return;
  for (const nlohmann::json& one : conditions) {
    const std::string type = text_at(one, {"type"});
    const std::string reason = text_at(one, {"reason"});
    const std::string status = text_at(one, {"status"});
    const std::string state = fmt::format("{} {}", status, reason);
    if (std::exchange(known.conditions[type], state) == state || !is_synced_) continue;
    Ordered text = head();
    text["condition"] = type;
    text["status"] = status;
    text["reason"] = reason;
    text["message"] = shortened(text_at(one, {"message"}), kMessageMax);
    take_(wire::Event{now, "scaler/condition", go_json(text)});
  }
}

ClusterMessage read_message(const nlohmann::json& event) {
  ClusterMessage read;
  read.type = text_at(event, {"type"});
  read.reason = text_at(event, {"reason"});
  read.kind = text_at(event, {"involvedObject", "kind"});
  read.name_space = text_at(event, {"involvedObject", "namespace"});
  read.name = text_at(event, {"involvedObject", "name"});
  read.uid = text_at(event, {"involvedObject", "uid"});
  read.by = text_at(event, {"reportingComponent"});
  if (read.by.empty()) read.by = text_at(event, {"source", "component"});
  const std::int64_t series = number_at(event, {"series", "count"});
  read.count = series > 0 ? series : number_at(event, {"count"}, 1);
  read.last = time_of(event);
  read.message = shortened(text_at(event, {"message"}), kMessageMax);
  return read;
}

void ClusterMessages::on_object(const nlohmann::json& event, Wall now) {
  if (!is_synced_) return;
  const ClusterMessage read = read_message(event);
  const Ordered text{{"reason", read.reason}, {"type", read.type},
                     {"kind", read.kind},     {"namespace", read.name_space},
                     {"name", read.name},     {"uid", read.uid},
                     {"by", read.by},         {"count", read.count},
                     {"last", read.last},     {"message", read.message}};
  take_(wire::Event{now, "kubernetes/event", go_json(text)});
}

}  // namespace galileo::pods
