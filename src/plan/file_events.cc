#include "plan/file_events.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "load/client.h"
#include "plan/file_arrival.h"
#include "plan/file_changes.h"
#include "plan/threshold_check.h"

namespace galileo::plan {
namespace {

// A condition is a threshold that is judged while the run goes on.
void read_condition(const Fields& fields, const Plan& plan, Action& action) {
  action.condition = fields.text("when").value_or("");
  const auto checked = [&]() -> Result<void> {
    const analysis::Threshold condition = TRY(analysis::parse_threshold(action.condition));
    if (condition.metric == "in_flight")
      return Error{ErrorCode::kUsage, {}, {}, "in_flight is counted when the run has ended", {}};
    return check_threshold(condition, plan);
  }();
  if (!checked.ok())
    fields.problems().add(fields.place("when"), fields.where("when"), checked.error());
}

void read_when(const Fields& fields, const Plan& plan, const Phase& phase, Action& action) {
  if (fields.has("at") == fields.has("when"))
    return fields.problems().add(fields.place(), "an event comes at a time or when something holds",
                                 "write at: 10s, or when: \"p99(latency) > 200ms\"");
  if (fields.has("when")) return read_condition(fields, plan, action);
  action.at = fields.duration("at").value_or(Duration{0});
  if (phase.duration && *action.at > *phase.duration)
    fields.problems().add(fields.place("at"),
                          fmt::format("{} is after the end of the phase", fields.where("at")),
                          fmt::format("it lasts {}", format_duration(*phase.duration)));
}

// The clients of the phase that are meant; nothing where there are none, or they have no rate.
load::ClientSpec* find_client(const Fields& fields, Phase& phase) {
  const std::string name = fields.required("client");
  std::vector<std::string> names;
  for (load::ClientSpec& client : phase.clients) {
    names.push_back(client.name.substr(client.name.find(':') + 1));
    if (names.back() != name) continue;
    if (load::lanes_of(client.closed_loop, client.connections, client.arrival) == 0) return &client;
    fields.problems().add(fields.place("client"),
                          fmt::format("client '{}' is a closed loop, which has no rate", name),
                          "give it a rate to begin with");
    return nullptr;
  }
  if (!name.empty())
    fields.problems().add(fields.place("client"),
                          fmt::format("no client of the phase is called '{}'", name),
                          hint_for_unknown(name, names));
  return nullptr;
}

void read_change(const Fields& fields, Phase& phase, Action& action) {
  const std::size_t before = fields.problems().count();
  if (!fields.has("arrival") && !fields.has("rate"))
    return fields.missing("rate", "write rate: 100, or arrival: expovariate(100)");
  load::ClientSpec* const client = find_client(fields, phase);
  Action::ChangeArrival change;
  change.arrival = read_changed_arrival(fields);
  if (!client || fields.problems().count() != before) return;
  change.client = client->name;
  if (action.at) {
    // In the order of their times, and those of one time in that of the file.
    const auto after =
        std::find_if(client->changes.begin(), client->changes.end(),
                     [&](const load::ArrivalChange& other) { return other.at > *action.at; });
    client->changes.insert(after, {*action.at, change.arrival});
  }
  action.what = std::move(change);
}

// Of what an event may do it does one thing.
void read_what(const Fields& fields, const Plan& plan, Phase& phase, Action& action) {
  std::vector<std::string> said;
  if (fields.has("event") || fields.has("value")) said.emplace_back("event");
  // A network has a rate, too.
  if (fields.has("client") || fields.has("arrival") || (fields.has("rate") && !fields.has("netem")))
    said.emplace_back("client");
  for (const std::string& key : cluster_change_keys()) {
    if (fields.has(key)) said.push_back(key);
  }
  if (said.size() > 1)
    return fields.problems().add(
        fields.place(), fmt::format("an event does one thing, not {} and {}", said[0], said[1]),
        "make two of it");
  if (!said.empty() && said[0] == "client") return read_change(fields, phase, action);
  if (!said.empty() && said[0] != "event") {
    action.what = read_cluster_change(fields, plan, said[0]);
    return;
  }
  Action::PutEvent put;
  put.name = fields.required_name("event");
  put.value = fields.text("value").value_or("");
  action.what = std::move(put);
}

}  // namespace

void read_events(const Fields& phase_fields, const Plan& plan, Phase& phase) {
  phase_fields.each("events", [&](const wire::YamlNode& node, const std::string& where) {
    const Fields fields(phase_fields.problems(), node, where, MapKind::event);
    Action action;
    read_when(fields, plan, phase, action);
    read_what(fields, plan, phase, action);
    phase.actions.push_back(std::move(action));
  });
}

}  // namespace galileo::plan
