#include "experiment/scaler_watch.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "experiment/pod_objects.h"
#include "kubernetes/objects.h"
#include "kubernetes/paths.h"
#include "net/clock.h"
#include "pods/fields.h"

namespace galileo::experiment {

using Json = nlohmann::json;

void ScalerStates::on_object(const Json& scaler) {
  State& state = states_[kubernetes::uid_of(scaler)];
  state.target = kubernetes::text_at(scaler, {"spec", "scaleTargetRef", "name"});
  for (const Json& condition : pods::value_at(scaler, {"status", "conditions"})) {
    const std::string type = kubernetes::text_at(condition, {"type"});
    const bool is_true = kubernetes::text_at(condition, {"status"}) == "True";
    if (type == "ScalingActive" && is_true) state.was_active = true;
    // One that can't even ask how many there are has no other condition.
    const bool is_why = type == "ScalingActive" || (type == "AbleToScale" && state.why.empty());
    if (is_why && !is_true)
      state.why =
          kubernetes::in_one_line(fmt::format("{}: {}", kubernetes::text_at(condition, {"reason"}),
                                              kubernetes::text_at(condition, {"message"})));
  }
}

std::vector<std::string> ScalerStates::idle() const {
  std::vector<std::string> idle;
  for (const auto& [uid, state] : states_) {
    if (state.was_active) continue;
    idle.push_back(fmt::format(
        "the autoscaler of {} decided nothing, its number of pods is nobody's choice: {}",
        state.target, state.why.empty() ? "it wasn't looked at by Kubernetes" : state.why));
  }
  return idle;
}

ScalerWatch::ScalerWatch(kubernetes::Api& api, const std::string& name_space,
                         const std::string& experiment, pods::TakeEvent take) {
  if (take) events_.emplace(std::move(take));
  kubernetes::Watch::Handlers handlers;
  handlers.on_object = [this](const Json& scaler) {
    states_.on_object(scaler);
    if (events_) events_->on_object(scaler, net::RealClock::wall_now());
  };
  handlers.on_gone = [this](const std::string& uid, const Json*) {
    if (events_) events_->on_gone(uid);
  };
  handlers.on_synced = [this] {
    if (events_) events_->on_synced();
  };
  handlers.on_trouble = [](const std::string& why) {
    if (!why.empty()) log(LogLevel::kWarning, "autoscalers can't be watched", {{"why", why}});
  };
  watch_ = std::make_unique<kubernetes::Watch>(
      api, kubernetes::collection("autoscaling/v2", name_space, "horizontalpodautoscalers"),
      fmt::format("{}={}", kExperimentLabel, experiment), "", std::move(handlers));
}

}  // namespace galileo::experiment
