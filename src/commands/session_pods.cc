// The session's call `pods`: what events of experiments tell of their pods, addresses and weights,
// as the report reads them.
#include <nlohmann/json.hpp>
#include <set>

#include "analysis/pod_lives.h"
#include "commands/session_parts.h"
#include "wire/weight_update.h"

namespace galileo::commands {
namespace {

using Json = nlohmann::ordered_json;

Json json_of_time(Wall at) {
  return at == kNoWall ? Json(nullptr) : Json(at.time_since_epoch().count());
}

Json json_of_pod(const analysis::PodLives::Pod& pod) {
  Json containers = Json::array();
  for (const analysis::PodLives::Container& one : pod.containers)
    containers.push_back({{"name", one.name}, {"ids", one.ids}});
  return {{"uid", pod.uid},
          {"name", pod.name},
          {"node", pod.node},
          {"zone", pod.zone},
          {"function", pod.function},
          {"of_application", pod.is_of_application()},
          {"running", json_of_time(pod.running)},
          {"ended", json_of_time(pod.ended)},
          {"containers", std::move(containers)}};
}

Json json_of_weights(const wire::WeightUpdate& update) {
  Json targets = Json::array();
  for (const auto& [host, weight] : update.targets) targets.push_back({host, weight});
  return {{"time", json_of_time(update.at)},
          {"function", update.function},
          {"zone", update.zone},
          {"targets", std::move(targets)}};
}

// [nanoseconds, name, value]; a value that isn't there is null.
Result<wire::Event> take_event(const Json& row) {
  const bool is_one = row.is_array() && row.size() == 3 && row[0].is_number_integer() &&
                      row[1].is_string() && (row[2].is_string() || row[2].is_null());
  if (!is_one) return wrong_request("an event is a time, a name and a value");
  return wire::Event{Wall{Duration{row[0].get<std::int64_t>()}}, row[1].get<std::string>(),
                     row[2].is_null() ? std::string() : row[2].get<std::string>()};
}

// One experiment's: what can't be read is passed over, as the report does.
Result<Json> pods_of(SessionRequest experiment) {
  const Json events = experiment.take_json("events");
  const auto asked = TRY(experiment.take_texts("addresses"));
  TRY(experiment.end());
  if (!events.is_array()) return wrong_request("'events' must be a list");
  std::set<std::string> addresses(asked.begin(), asked.end());
  analysis::PodLives lives;
  Json weights = Json::array();
  for (const Json& row : events) {
    const wire::Event event = TRY(take_event(row));
    if (event.name != wire::kWeightUpdate) {
      lives.add(event);
    } else if (const auto update = wire::parse_weight_update(event); update.ok()) {
      weights.push_back(json_of_weights(*update));
      for (const auto& [host, weight] : update->targets) addresses.insert(host);
    }
  }
  Json pods = Json::array();
  for (const analysis::PodLives::Pod& pod : lives.all()) pods.push_back(json_of_pod(pod));
  Json holders = Json::object();
  for (const std::string& address : addresses) {
    Json& had = holders[address] = Json::array();
    for (const analysis::PodLives::Held& held : lives.holders(address))
      had.push_back({json_of_time(held.from), held.pod});
  }
  return Json{{"pods", std::move(pods)},
              {"holders", std::move(holders)},
              {"weights", std::move(weights)},
              {"left_out", lives.left_out()}};
}

class PodCalls : public SessionPart {
 public:
  std::optional<Result<Json>> answer(std::string_view call, SessionRequest& request) override {
    if (call == "pods") return pods(request);
    return std::nullopt;
  }

 private:
  static Result<Json> pods(SessionRequest& request) {
    const Json experiments = request.take_json("experiments");
    TRY(request.end());
    if (!experiments.is_array()) return wrong_request("'experiments' must be a list");
    Json all = Json::array();
    for (const Json& one : experiments) {
      if (!one.is_object()) return wrong_request("an experiment is an object");
      all.push_back(TRY(pods_of(SessionRequest(one))));
    }
    return all;
  }
};

}  // namespace

std::unique_ptr<SessionPart> session_pods() {
  return std::make_unique<PodCalls>();
}

}  // namespace galileo::commands
