#include "experiment/deployment_watch.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "base/log.h"
#include "experiment/given_objects.h"
#include "experiment/pod_objects.h"
#include "kubernetes/objects.h"
#include "kubernetes/paths.h"
#include "pods/fields.h"

namespace galileo::experiment {

std::optional<PodFailure> DeploymentStates::on_object(const nlohmann::json& deployment) {
  const std::string uid = kubernetes::uid_of(deployment);
  for (const nlohmann::json& condition : pods::value_at(deployment, {"status", "conditions"})) {
    if (kubernetes::text_at(condition, {"type"}) != "ReplicaFailure" ||
        kubernetes::text_at(condition, {"status"}) != "True")
      continue;
    const std::string text = kubernetes::in_one_line(kubernetes::text_at(condition, {"message"}));
    if (passes(text) || !refused_.insert(uid).second) return std::nullopt;
    return PodFailure{kubernetes::text_at(condition, {"reason"}), text};
  }
  refused_.erase(uid);
  return std::nullopt;
}

DeploymentWatch::DeploymentWatch(kubernetes::Api& api, const std::string& name_space,
                                 const std::string& experiment, OnRefused on_refused) {
  kubernetes::Watch::Handlers handlers;
  handlers.on_object = [this, told = std::move(on_refused)](const nlohmann::json& deployment) {
    if (const auto why = states_.on_object(deployment)) told(kubernetes::name_of(deployment), *why);
  };
  handlers.on_gone = [this](const std::string& uid, const nlohmann::json*) {
    states_.on_gone(uid);
  };
  handlers.on_synced = [] {};
  handlers.on_trouble = [](const std::string& why) {
    if (!why.empty()) log(LogLevel::kWarning, "Deployments can't be watched", {{"why", why}});
  };
  watch_ = std::make_unique<kubernetes::Watch>(
      api, kubernetes::collection("apps/v1", name_space, "deployments"),
      fmt::format("{}={}", kExperimentLabel, experiment), "", std::move(handlers));
}

}  // namespace galileo::experiment
