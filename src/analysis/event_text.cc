#include "analysis/event_text.h"

#include <fmt/format.h>

#include "base/utf8.h"
#include "wire/json.h"
#include "wire/weight_update.h"

namespace galileo::analysis {
namespace {

constexpr std::size_t kTextMax = 120;
constexpr std::string_view kSteering = "steer/";
constexpr std::string_view kClusterChange = "cluster/change";
// Longer ones are told by their beginning, unread.
constexpr std::size_t kReadMax = std::size_t{64} << 10;

// A text or number of an object; empty: it has none.
std::string value_of(const wire::Json& json, std::string_view key) {
  const wire::Json* const value = wire::find(json, key);
  using Kind = wire::Json::Kind;
  const bool is_shown = value && (value->kind == Kind::kText || value->kind == Kind::kInteger ||
                                  value->kind == Kind::kReal);
  return is_shown ? value->text : std::string();
}

// With the reason, where it gives one.
std::string because(std::string what, const wire::Json& json) {
  const std::string reason = value_of(json, "reason");
  return reason.empty() ? what : fmt::format("{}: {}", what, reason);
}

std::string of_object(const wire::Json& json) {
  const std::string name = value_of(json, "name");
  if (const std::string node = value_of(json, "node"); name.empty() && !node.empty())
    return because(node, json);
  if (name.empty()) return {};
  if (wire::find(json, "podUid")) {
    const std::string container = value_of(json, "container");
    const std::string node = value_of(json, "nodeName");
    return because(fmt::format("{}{}{}", name, container.empty() ? "" : "/" + container,
                               node.empty() ? "" : " on " + node),
                   json);
  }
  if (const std::string condition = value_of(json, "condition"); !condition.empty())
    return fmt::format("{}: {} {}, {}", name, condition, value_of(json, "status"),
                       value_of(json, "message"));
  const std::string to = value_of(json, "to");
  if (!to.empty()) return fmt::format("{}: {} to {}", name, value_of(json, "from"), to);
  return wire::find(json, "reason") ? because(name, json) : std::string();
}

// "netem hello: loss 5%", "netem hello: loss 5%: its time is over"; of others their value.
std::string change_text(const wire::Event& event) {
  const auto json = wire::parse_json(event.value);
  const std::string what = json.ok() ? value_of(*json, "what") : std::string();
  if (what.empty()) return event.value;
  const std::string pod = value_of(*json, "pod");
  const std::string ended = value_of(*json, "ended");
  return fmt::format("{}{}{}", what, pod.empty() ? "" : " (" + pod + ")",
                     ended.empty() ? "" : ": " + ended);
}

std::string read_text(const wire::Event& event) {
  if (event.name == wire::kWeightUpdate) {
    const auto told = wire::parse_weight_update(event);
    if (!told.ok()) return event.value;
    return fmt::format("{} in {}: {} target{}", told->function, told->zone, told->targets.size(),
                       told->targets.size() == 1 ? "" : "s");
  }
  if (!event.value.starts_with('{') || event.value.size() > kReadMax) return event.value;
  if (event.name == kClusterChange) return change_text(event);
  const auto json = wire::parse_json(event.value);
  if (json.ok() && event.name.starts_with(kSteering)) return value_of(*json, "name");
  std::string text = json.ok() ? of_object(*json) : std::string();
  return text.empty() ? event.value : text;
}

}  // namespace

std::string event_text(const wire::Event& event) {
  return shortened(one_line(read_text(event)), kTextMax);
}

}  // namespace galileo::analysis
