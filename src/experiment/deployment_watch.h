// Whether the Deployments of a run may have the pods that they are to have. Where a quota or an
// admission refuses them there is no pod that could tell, only a condition of who was to make it.
// Made, asked and ended on the loop that its Api lives on.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "experiment/pod_failure.h"
#include "kubernetes/api.h"
#include "kubernetes/watch.h"

namespace galileo::experiment {

// What their conditions say. Plain; no clock, no socket.
class DeploymentStates {
 public:
  // Why it may have no more pods, where it might before.
  std::optional<PodFailure> on_object(const nlohmann::json& deployment);
  void on_gone(const std::string& uid) { refused_.erase(uid); }

 private:
  std::set<std::string> refused_;  // uids
};

class DeploymentWatch {
 public:
  using OnRefused = std::function<void(const std::string& name, const PodFailure& why)>;

  // Those with the experiment's label.
  DeploymentWatch(kubernetes::Api& api, const std::string& name_space,
                  const std::string& experiment, OnRefused on_refused);

 private:
  DeploymentStates states_;
  std::unique_ptr<kubernetes::Watch> watch_;
};

}  // namespace galileo::experiment
