#include "experiment/standing_pods.h"

#include <nlohmann/json.hpp>

#include "experiment/setup_examination.h"
#include "kubernetes/paths.h"
#include "pods/pod.h"
#include "pods/pod_text.h"

namespace galileo::experiment {
namespace {

bool has_label(const pods::Pod& pod, const char* key, std::string_view value) {
  const auto found = pod.labels.find(key);
  return found != pod.labels.end() && found->second == value;
}

bool stands(const pods::Pod& pod) {
  const auto app = pod.labels.find("app");
  return (app != pod.labels.end() && is_ours(app->second)) ||
         has_label(pod, "type", "api-gateway") || has_label(pod, kFunctionLabel, "client");
}

}  // namespace

Result<std::vector<std::string>> standing_pods(ClusterCalls& calls, const std::string& name_space) {
  std::vector<std::string> values;
  TRY(calls.each(kubernetes::collection("v1", name_space, "pods"), "",
                 [&](nlohmann::json&& object) {
                   const pods::Pod pod = pods::read_pod(object);
                   if (stands(pod) && is_running(pod)) values.push_back(pods::pod_text(pod));
                 }));
  return values;
}

}  // namespace galileo::experiment
