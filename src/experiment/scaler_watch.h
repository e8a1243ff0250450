// What the autoscalers of a run decide, as the pod adapter tells it, and whether they could: one
// that never had its metrics leaves the pods as many as they were, and nobody sees why. Made,
// asked and ended on the loop that its Api lives on.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kubernetes/api.h"
#include "kubernetes/watch.h"
#include "pods/cluster_events.h"

namespace galileo::experiment {

// The autoscalers that were seen, by what their conditions say. Plain; no clock, no socket.
class ScalerStates {
 public:
  void on_object(const nlohmann::json& scaler);
  // Of each that never was active: whose it is, and Kubernetes' last word on it.
  std::vector<std::string> idle() const;

 private:
  struct State {
    std::string target;
    bool was_active = false;
    std::string why;  // it isn't
  };
  std::map<std::string, State> states_;  // by uid
};

class ScalerWatch {
 public:
  // Those with the experiment's label. `take`: none where an adapter tells of them.
  ScalerWatch(kubernetes::Api& api, const std::string& name_space, const std::string& experiment,
              pods::TakeEvent take);

  std::vector<std::string> idle() const { return states_.idle(); }

 private:
  ScalerStates states_;
  std::optional<pods::ScalerEvents> events_;
  std::unique_ptr<kubernetes::Watch> watch_;
};

}  // namespace galileo::experiment
