#include "service/lab_view.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "service/submission.h"
#include "wire/http1.h"

namespace galileo::service {
namespace {

using Json = nlohmann::ordered_json;
using wire::http1::equals_ignoring_case;

// As daemons write them.
constexpr const char* kLease = "galileo:fleet:lease";
constexpr const char* kAllDaemons = "galileo:daemon:*";

std::string live_key(const std::string& id, const char* what) {
  return "galileo:live:" + id + ":" + what;
}

std::string text_of(const Json& json, const char* key) {
  const auto found = json.is_object() ? json.find(key) : json.end();
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string written(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json time_or_null(Wall at) {
  return at == kNoWall ? Json(nullptr) : Json(to_unix_seconds(at));
}

Json text_or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

bool has_status(const wire::Experiment& row, std::string_view status) {
  return equals_ignoring_case(row.status, status);
}

bool is_under_way(const wire::Experiment& row) {
  return has_status(row, "IN_PROGRESS") || has_status(row, wire::kRunning);
}

// What its run last told of itself; null where it hasn't yet.
Result<Json> last_state(bus::Bus& bus, const std::string& id) {
  const auto text = TRY(bus.text(live_key(id, "state")));
  Json json = text ? Json::parse(*text, nullptr, false) : Json();
  return json.is_object() ? json : Json();
}

std::string state_under_way(const wire::Experiment& row, const BusView& bus, const Json& state) {
  // A run of one machine has no lease, and nobody can tell whether it goes on.
  if (bus.leased != row.id && has_status(row, "IN_PROGRESS")) return "interrupted";
  if (state.is_object() && state.value("stopping", Json(false)) == Json(true)) return "cancelling";
  if (state.is_object() && state.value("paused", Json(false)) == Json(true)) return "paused";
  return text_of(state, "stage") == "preparing" ? "starting" : "running";
}

std::string state_at_rest(const wire::Experiment& row) {
  if (has_status(row, wire::kQueued)) return "queued";
  if (has_status(row, wire::kFinished)) return "finished";
  return has_status(row, "CANCELLED") ? "cancelled" : "failed";
}

Result<void> add_details(store::Store& store, ExperimentView& view) {
  if (const auto submission = TRY(submission_of(store, view.row.id))) {
    view.tags = submission->tags;
    view.rerun_of = submission->rerun_of;
  }
  if (view.state != "failed" && view.state != "cancelled") return {};
  const Json json = Json::parse(TRY(store.metadata(view.row.id)), nullptr, false);
  const auto ended = json.is_object() ? json.find("ended") : json.end();
  if (ended != json.end()) view.reason = text_of(*ended, "reason");
  return {};
}

// A JSON array of the texts of a list that are objects.
Result<Json> objects_of(bus::Bus& bus, const std::string& key) {
  Json all = Json::array();
  for (const std::string& text : TRY(bus.list(key))) {
    Json one = Json::parse(text, nullptr, false);
    if (one.is_object()) all.push_back(std::move(one));
  }
  return all;
}

}  // namespace

bool ExperimentView::is_over() const {
  return state == "finished" || state == "failed" || state == "cancelled";
}

Result<BusView> BusView::read(bus::Bus& bus) {
  BusView view;
  view.lease = TRY(bus.text(kLease)).value_or("");
  const Json lease = Json::parse(view.lease, nullptr, false);
  view.leased = text_of(lease, "what");
  view.holder = text_of(lease, "holder");
  for (const std::string& key : TRY(bus.keys(kAllDaemons))) {
    if (auto daemon = TRY(bus.text(key))) view.daemons.push_back(std::move(*daemon));
  }
  return view;
}

Result<std::vector<ExperimentView>> views_of(bus::Bus& bus, store::Store& store,
                                             const std::vector<wire::Experiment>& rows,
                                             bool details) {
  std::vector<ExperimentView> views;
  std::optional<BusView> there;
  std::size_t waiting = 0;
  for (const wire::Experiment& row : rows) {
    ExperimentView view;
    view.row = row;
    if (is_under_way(row)) {
      if (!there) there = TRY(BusView::read(bus));
      view.state = state_under_way(row, *there, TRY(last_state(bus, row.id)));
      if (there->leased == row.id) view.daemon = there->holder;
      if (view.state == "interrupted") view.reason = "who ran it gives no sign of life";
    } else {
      view.state = state_at_rest(row);
      if (view.is_waiting()) view.place = ++waiting;
    }
    if (details) TRY(add_details(store, view));
    views.push_back(std::move(view));
  }
  return views;
}

std::string view_json(const ExperimentView& view) {
  return written(Json{{"id", view.row.id},
                      {"name", view.row.name},
                      {"creator", view.row.creator},
                      {"tags", view.tags},
                      {"status", view.row.status},
                      {"state", view.state},
                      {"reason", text_or_null(view.reason)},
                      {"created", time_or_null(view.row.created)},
                      {"start", time_or_null(view.row.start)},
                      {"end", time_or_null(view.row.end)},
                      {"place", view.place ? Json(*view.place) : Json(nullptr)},
                      {"rerun_of", text_or_null(view.rerun_of)},
                      {"daemon", text_or_null(view.daemon)}});
}

Result<std::string> live_json(bus::Bus& bus, const std::string& id, bool past) {
  Json json{{"state", TRY(last_state(bus, id))}};
  for (const auto& [name, key] :
       {std::pair{"points", "points"}, std::pair{"points_10", "points:10"},
        std::pair{"points_60", "points:60"}, std::pair{"events", "events"}})
    json[name] = past ? TRY(objects_of(bus, live_key(id, key))) : Json::array();
  return written(json);
}

}  // namespace galileo::service
