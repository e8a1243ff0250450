#include "pods/pod.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kubernetes/objects.h"
#include "pods/fields.h"

namespace galileo::pods {
namespace {

using kubernetes::text_at;
using Json = nlohmann::json;

// Each object of an array.
template <class F>
void each(const Json& array, F&& take) {
  if (!array.is_array()) return;
  for (const Json& one : array) {
    if (one.is_object()) take(one);
  }
}

ContainerSpec read_spec(const Json& object) {
  ContainerSpec spec;
  spec.name = text_at(object, {"name"});
  spec.image = text_at(object, {"image"});
  const Json& ports = value_at(object, {"ports"});
  if (ports.is_array() && !ports.empty()) spec.port = number_at(ports.front(), {"containerPort"});
  spec.requests = amounts_at(object, {"resources", "requests"});
  spec.limits = amounts_at(object, {"resources", "limits"});
  spec.has_readiness_probe = value_at(object, {"readinessProbe"}).is_object();
  return spec;
}

std::optional<ContainerEnd> read_end(const Json& object) {
  if (!object.is_object()) return std::nullopt;
  ContainerEnd end;
  end.id = text_at(object, {"containerID"});
  end.reason = text_at(object, {"reason"});
  end.message = text_at(object, {"message"});
  end.exit_code = number_at(object, {"exitCode"});
  end.signal = number_at(object, {"signal"});
  end.started_at = text_at(object, {"startedAt"});
  end.finished_at = text_at(object, {"finishedAt"});
  return end;
}

ContainerStatus read_status(const Json& object) {
  ContainerStatus status;
  status.name = text_at(object, {"name"});
  status.image = text_at(object, {"image"});
  status.id = text_at(object, {"containerID"});
  status.is_ready = is_true_at(object, {"ready"});
  status.restarts = number_at(object, {"restartCount"});
  status.end = read_end(value_at(object, {"state", "terminated"}));
  status.last = read_end(value_at(object, {"lastState", "terminated"}));
  if (status.end) {
    status.state = ContainerStatus::State::kTerminated;
  } else if (value_at(object, {"state", "running"}).is_object()) {
    status.state = ContainerStatus::State::kRunning;
    status.started_at = text_at(object, {"state", "running", "startedAt"});
  } else if (value_at(object, {"state", "waiting"}).is_object()) {
    status.state = ContainerStatus::State::kWaiting;
    status.reason = text_at(object, {"state", "waiting", "reason"});
    status.message = text_at(object, {"state", "waiting", "message"});
  }
  return status;
}

PodCondition read_condition(const Json& object) {
  return {text_at(object, {"type"}), text_at(object, {"status"}), text_at(object, {"reason"}),
          text_at(object, {"message"}), text_at(object, {"lastTransitionTime"})};
}

void read_metadata(Pod& pod, const Json& object) {
  pod.uid = text_at(object, {"uid"});
  pod.version = text_at(object, {"resourceVersion"});
  pod.name = text_at(object, {"name"});
  pod.name_space = text_at(object, {"namespace"});
  pod.created_at = text_at(object, {"creationTimestamp"});
  pod.deleted_at = text_at(object, {"deletionTimestamp"});
  pod.labels = texts_at(object, {"labels"});
  each(value_at(object, {"ownerReferences"}), [&](const Json& owner) {
    if (!is_true_at(owner, {"controller"})) return;
    pod.owner_kind = text_at(owner, {"kind"});
    pod.owner_name = text_at(owner, {"name"});
    pod.owner_uid = text_at(owner, {"uid"});
  });
}

void read_state(Pod& pod, const Json& object) {
  pod.phase = text_at(object, {"phase"});
  pod.reason = text_at(object, {"reason"});
  pod.message = text_at(object, {"message"});
  pod.ip = text_at(object, {"podIP"});
  pod.host_ip = text_at(object, {"hostIP"});
  pod.qos = text_at(object, {"qosClass"});
  pod.started_at = text_at(object, {"startTime"});
  each(value_at(object, {"conditions"}),
       [&](const Json& one) { pod.conditions.push_back(read_condition(one)); });
  each(value_at(object, {"containerStatuses"}),
       [&](const Json& one) { pod.statuses.push_back(read_status(one)); });
  each(value_at(object, {"initContainerStatuses"}),
       [&](const Json& one) { pod.init_statuses.push_back(read_status(one)); });
}

}  // namespace

Pod read_pod(const Json& object) {
  Pod pod;
  read_metadata(pod, value_at(object, {"metadata"}));
  pod.node = text_at(object, {"spec", "nodeName"});
  pod.scheduler = text_at(object, {"spec", "schedulerName"});
  each(value_at(object, {"spec", "containers"}),
       [&](const Json& one) { pod.containers.push_back(read_spec(one)); });
  read_state(pod, value_at(object, {"status"}));
  return pod;
}

const PodCondition* condition(const Pod& pod, std::string_view type) {
  const auto found = std::find_if(pod.conditions.begin(), pod.conditions.end(),
                                  [&](const PodCondition& one) { return one.type == type; });
  return found == pod.conditions.end() ? nullptr : &*found;
}

bool is_ready(const Pod& pod) {
  const PodCondition* ready = condition(pod, "Ready");
  return ready && ready->status == "True";
}

bool is_running(const Pod& pod) {
  return pod.phase == "Running" && !pod.ip.empty() && !pod.statuses.empty() &&
         !pod.statuses.front().id.empty();
}

}  // namespace galileo::pods
