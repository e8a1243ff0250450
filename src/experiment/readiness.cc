#include "experiment/readiness.h"

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

}  // namespace galileo::experiment
