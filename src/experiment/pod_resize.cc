#include "experiment/pod_resize.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "kubernetes/objects.h"
#include "kubernetes/quantity.h"
#include "pods/fields.h"

namespace galileo::experiment {
namespace {

using Json = nlohmann::json;

const Json& first_container(const Json& pod) {
  static const Json kNone;
  const Json& containers = pods::value_at(pod, {"spec", "containers"});
  return containers.is_array() && !containers.empty() ? containers.front() : kNone;
}

// Nothing that can't be read is equal to anything.
bool are_equal(const std::string& one, const std::string& other) {
  const auto a = kubernetes::parse_quantity(one);
  const auto b = kubernetes::parse_quantity(other);
  return a.ok() && b.ok() && a->nano() == b->nano();
}

bool is_above(const std::string& one, const std::string& other) {
  const auto a = kubernetes::parse_quantity(one);
  const auto b = kubernetes::parse_quantity(other);
  return a.ok() && b.ok() && a->nano() > b->nano();
}

bool has_all(const Limits& there, const Limits& wanted) {
  for (const auto& [resource, limit] : wanted) {
    const auto found = there.find(resource);
    if (found == there.end() || !are_equal(found->second, limit)) return false;
  }
  return true;
}

// Of its node, for the container: empty where it doesn't say.
Limits told_limits(const Json& pod, const std::string& container) {
  for (const Json& status : pods::value_at(pod, {"status", "containerStatuses"})) {
    if (kubernetes::text_at(status, {"name"}) == container)
      return pods::texts_at(status, {"resources", "limits"});
  }
  return {};
}

}  // namespace

Limits limits_of(const nlohmann::json& pod) {
  return pods::texts_at(first_container(pod), {"resources", "limits"});
}

nlohmann::json resize_patch(const nlohmann::json& pod, const Limits& limits) {
  const Json& container = first_container(pod);
  const Limits before = limits_of(pod);
  const Limits asked = pods::texts_at(container, {"resources", "requests"});
  Json requests = Json::object();
  for (const auto& [resource, limit] : limits) {
    const auto request = asked.find(resource);
    const auto old = before.find(resource);
    if (request == asked.end()) continue;
    const bool goes_along = old != before.end() && are_equal(request->second, old->second);
    if (goes_along || is_above(request->second, limit)) requests[resource] = limit;
  }
  Json resources{{"limits", limits}};
  if (!requests.empty()) resources["requests"] = requests;
  return {{"spec",
           {{"containers", Json::array({{{"name", kubernetes::text_at(container, {"name"})},
                                         {"resources", resources}}})}}}};
}

ResizeState resize_state(const nlohmann::json& pod, const Limits& limits) {
  ResizeState state;
  bool is_under_way = false;
  for (const Json& condition : pods::value_at(pod, {"status", "conditions"})) {
    const std::string type = kubernetes::text_at(condition, {"type"});
    if (type != "PodResizePending" && type != "PodResizeInProgress") continue;
    is_under_way = true;
    const std::string reason = kubernetes::text_at(condition, {"reason"});
    const std::string message = kubernetes::text_at(condition, {"message"});
    state.why = fmt::format("{}{}{}", reason.empty() ? type : reason, message.empty() ? "" : ": ",
                            kubernetes::in_one_line(message));
    state.is_refused = reason == "Infeasible";
  }
  const std::string name = kubernetes::text_at(first_container(pod), {"name"});
  state.is_done =
      !is_under_way && has_all(limits_of(pod), limits) && has_all(told_limits(pod, name), limits);
  if (!state.is_done && state.why.empty()) state.why = "its node doesn't say that it is so";
  return state;
}

}  // namespace galileo::experiment
