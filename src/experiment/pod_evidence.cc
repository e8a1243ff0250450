#include "experiment/pod_evidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/utf8.h"
#include "kubernetes/objects.h"
#include "pods/fields.h"

namespace galileo::experiment {
namespace {

using OrderedJson = nlohmann::ordered_json;

// A Deployment's name, its pods' and its ReplicaSets' begin so.
constexpr const char* kOfApplication = "-deployment";

}  // namespace

void PodEvidence::on_pod(const nlohmann::json& pod, std::string name) {
  if (name.empty()) name = kubernetes::name_of(pod);
  uids_.insert(kubernetes::uid_of(pod));
  if (!statuses_.contains(name) && statuses_.size() >= kPodsMax) return;
  const OrderedJson kept{{"uid", kubernetes::uid_of(pod)},
                         {"node", kubernetes::text_at(pod, {"spec", "nodeName"})},
                         {"deleted", kubernetes::text_at(pod, {"metadata", "deletionTimestamp"})},
                         {"status", pods::value_at(pod, {"status"})}};
  std::string text = kept.dump(1, ' ', false, OrderedJson::error_handler_t::replace);
  if (text.size() <= kStatusMax) statuses_[name] = std::move(text);
}

void PodEvidence::on_event(const nlohmann::json& event) {
  if (!is_synced_) return;
  const std::string uid = kubernetes::uid_of(event);
  if (!messages_.contains(uid) && messages_.size() >= kMessagesMax) {
    ++left_out_;
    return;
  }
  messages_[uid] = {pods::read_message(event), came_++};
}

// An event may be heard before its pod.
bool PodEvidence::is_ours(const pods::ClusterMessage& said) const {
  if (uids_.contains(said.uid)) return true;
  if (said.kind == "Pod") return false;
  // Itself, and what a Deployment makes for its pods.
  const bool is_given = std::any_of(given_.begin(), given_.end(), [&](const std::string& name) {
    return said.name == name || said.name.starts_with(name + "-");
  });
  if (is_given) return true;
  return std::any_of(applications_.begin(), applications_.end(), [&](const auto& application) {
    return said.name.starts_with(application + kOfApplication);
  });
}

std::string PodEvidence::statuses() const {
  std::string text;
  for (const auto& [name, status] : statuses_)
    text += fmt::format("{}{}: {}", text.empty() ? "{\n" : ",\n", OrderedJson(name).dump(), status);
  return text.empty() ? text : text + "\n}\n";
}

std::string PodEvidence::messages() const {
  std::vector<const Message*> ours;
  for (const auto& [uid, message] : messages_) {
    if (is_ours(message.said)) ours.push_back(&message);
  }
  std::sort(ours.begin(), ours.end(),
            [](const Message* one, const Message* other) { return one->number < other->number; });
  std::string text;
  for (const Message* message : ours) {
    const pods::ClusterMessage& said = message->said;
    text += one_line(fmt::format("{} {} {} {}/{}{}: {}", said.last, said.type, said.reason,
                                 to_lower(said.kind), said.name,
                                 said.count > 1 ? fmt::format(" ({} times)", said.count) : "",
                                 said.message)) +
            "\n";
  }
  if (left_out_ > 0)
    text += fmt::format("{} more, of this namespace, weren't kept\n", format_count(left_out_));
  if (!trouble_.empty()) text += one_line("events can't be heard: " + trouble_) + "\n";
  return text;
}

}  // namespace galileo::experiment
