#include "experiment/readiness.h"

#include <nlohmann/json.hpp>

#include "kubernetes/objects.h"
#include "pods/fields.h"

namespace galileo::experiment {
namespace {

// A kubelet says why, the controller of nodes doesn't, and leaves what the containers are.
bool is_called_so_for_its_node(const pods::Pod& pod) {
  const pods::PodCondition* const ready = condition(pod, "Ready");
  const pods::PodCondition* const containers = condition(pod, "ContainersReady");
  return ready && ready->status == "False" && ready->reason.empty() && containers &&
         containers->status == "True";
}

}  // namespace

bool takes_requests(const pods::Pod& pod, bool leases_tell) {
  if (!pod.deleted_at.empty() || !is_running(pod)) return false;
  return is_ready(pod) || (leases_tell && is_called_so_for_its_node(pod));
}

bool says_nothing(const std::optional<nlohmann::json>& node) {
  if (!node) return true;
  for (const nlohmann::json& condition : pods::value_at(*node, {"status", "conditions"})) {
    if (kubernetes::text_at(condition, {"type"}) == "Ready")
      return kubernetes::text_at(condition, {"status"}) == "Unknown";
  }
  return false;
}

}  // namespace galileo::experiment
