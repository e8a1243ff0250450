// The limits of a pod that runs, changed in place (pods/resize, Kubernetes 1.33 and later): what is
// asked of the API server, and whether it has come to be. Pure functions over the pod's JSON.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace galileo::experiment {

// "cpu" -> "500m".
using Limits = std::map<std::string, std::string>;

// Of the pod's first container, those that it has.
Limits limits_of(const nlohmann::json& pod);

// The change of the first container's limits. What it requests goes with them where it requests as
// much as its limit, and is never above them: the pod stays of its class.
nlohmann::json resize_patch(const nlohmann::json& pod, const Limits& limits);

struct ResizeState {
  bool is_done = false;
  std::string why;  // why it can't be, or not yet, as the node says
  bool is_refused = false;
};
ResizeState resize_state(const nlohmann::json& pod, const Limits& limits);

}  // namespace galileo::experiment
