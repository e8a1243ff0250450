#include "experiment/steered_load.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/text.h"
#include "load/arrival.h"
#include "load/client.h"
#include "wire/json.h"

namespace galileo::experiment {
namespace {

// One a nanosecond, the grain of time in the schedule.
constexpr double kMostRps = 1e9;

Error refuse_steering(ErrorCode code, std::string why, std::string hint = {}) {
  return Error{code, "can't change the load", {}, std::move(why), std::move(hint)};
}

// As the experiment file has it: clients' ids go by "<service>:<name>".
std::string own_name(const load::ClientSpec& client) {
  return client.name.substr(client.name.find(':') + 1);
}

// Requests at a steady rate, as evenly or as randomly as they came before.
load::ArrivalSpec steady(double rps, const load::ArrivalSpec& before) {
  load::ArrivalSpec arrival;
  arrival.kind = "constant_rate";
  arrival.parameters = {rps};
  arrival.process = before.kind == "expovariate" ? "exponential" : before.process;
  return arrival;
}

}  // namespace

Result<void> SteeredLoad::begin(const plan::Phase& phase, LoadSource& load, Time start) {
  phase_ = &phase;
  load_ = &load;
  start_ = start;
  if (!began_) began_ = start;
  parts_ = 1;
  pauses_ = Duration{0};
  set_rps_.clear();
  if (!paused_) return {};
  paused_ = start;
  TRY(load.pause({}));
  return {};
}

Result<Steered> SteeredLoad::take(const SteerOrder& order) {
  if (!phase_)
    return refuse_steering(ErrorCode::kUnavailable, "no requests are sent at present",
                           "try again once they are");
  switch (order.kind) {
    case SteerOrder::Kind::kPause:
      return pause(order);
    case SteerOrder::Kind::kGoOn:
      return go_on(order);
    default:
      return set_rate(order);
  }
}

void SteeredLoad::note_end(const SteerOrder& order) {
  note("steer/end", order, {}, clock_.now(), "ended by hand");
}

Result<Steered> SteeredLoad::pause(const SteerOrder& order) {
  if (paused_) return refuse_steering(ErrorCode::kUsage, "it is paused already");
  const std::string part = next_part();
  const Time at = TRY(load_->pause(part));
  paused_ = at;
  ++parts_;
  note("steer/pause", order, part, at, "paused");
  return Steered{wall_clock_.wall(at), std::nullopt};
}

Result<Steered> SteeredLoad::go_on(const SteerOrder& order) {
  if (!paused_) return refuse_steering(ErrorCode::kUsage, "it isn't paused");
  const std::string part = next_part();
  const Time at = TRY(load_->go_on(part));
  const Duration lasted = std::max(at - std::max(*paused_, start_), Duration{0});
  pauses_ += lasted;
  paused_.reset();
  ++parts_;
  note("steer/resume", order, part, at,
       fmt::format("went on, after a pause of {}", format_duration(lasted)));
  return Steered{wall_clock_.wall(at), std::nullopt};
}

Result<Steered> SteeredLoad::set_rate(const SteerOrder& order) {
  const load::ClientSpec& client = *TRY(client_of(order));
  const double rps = TRY(rate_of(order, client));
  if (!(rps > 0) || !std::isfinite(rps) || rps > kMostRps)
    return refuse_steering(ErrorCode::kUsage,
                           fmt::format("{} is no rate in requests a second", rps),
                           "give a number above 0; a rate of 0 is a pause");
  const std::string part = next_part();
  const double each = rps / std::max(client.count, 1u);
  const Time at = TRY(load_->change_arrival(client.name, steady(each, client.arrival), part));
  ++parts_;
  set_rps_[client.name] = rps;
  SteerOrder told = order;
  told.rps = rps;
  told.client = own_name(client);
  note("steer/rate", told, part, at, fmt::format("{} at {:g}/s", told.client, rps));
  return Steered{wall_clock_.wall(at), changed_by_plan(client.name)};
}

Result<double> SteeredLoad::rate_of(const SteerOrder& order, const load::ClientSpec& client) const {
  if (order.factor == 0) return order.rps;
  if (const auto set = set_rps_.find(client.name); set != set_rps_.end())
    return order.factor * set->second;
  const load::ArrivalSpec& arrival = client.arrival;
  if (arrival.kind == "constant_rate") return order.factor * arrival.parameters[0] * client.count;
  if (arrival.kind == "constant") return order.factor / arrival.parameters[0] * client.count;
  if (arrival.kind == "expovariate") return order.factor * arrival.parameters[0] * client.count;
  return refuse_steering(
      ErrorCode::kUsage,
      fmt::format("client '{}' has no steady rate that could be made more or less of",
                  own_name(client)),
      "give a rate in requests a second");
}

// The one that is named, or the only one there is.
Result<const load::ClientSpec*> SteeredLoad::client_of(const SteerOrder& order) const {
  const load::ClientSpec* found = nullptr;
  std::vector<std::string> names;
  for (const load::ClientSpec& client : phase_->clients) {
    names.push_back(own_name(client));
    if (order.client.empty() ? phase_->clients.size() == 1 : names.back() == order.client)
      found = &client;
  }
  if (!found)
    return refuse_steering(order.client.empty() ? ErrorCode::kUsage : ErrorCode::kNotFound,
                           order.client.empty()
                               ? "it has several kinds of clients"
                               : fmt::format("no client is called '{}'", order.client),
                           fmt::format("name one of {}", fmt::join(names, ", ")));
  if (load::lanes_of(found->closed_loop, found->connections, found->arrival) > 0)
    return refuse_steering(
        ErrorCode::kUsage,
        fmt::format("client '{}' is a closed loop: its rate is what the target gives",
                    own_name(*found)),
        "pause it, or end the run");
  if (found->arrival.kind == "prerecorded")
    return refuse_steering(
        ErrorCode::kUsage,
        fmt::format("client '{}' follows recorded times, which a rate would replace",
                    own_name(*found)),
        "pause it, or end the run");
  return found;
}

// When the plan has the next change of its rate: that one wins then.
std::optional<Wall> SteeredLoad::changed_by_plan(const std::string& client) const {
  std::optional<Time> next;
  const Time now = clock_.now();
  const Duration paused =
      paused_ ? std::max(now - std::max(*paused_, start_), Duration{0}) : Duration{0};
  for (const plan::Action& action : phase_->actions) {
    const auto* const change = std::get_if<plan::Action::ChangeArrival>(&action.what);
    if (!change || change->client != client || !action.at) continue;
    const Time at = start_ + *action.at + pauses_ + paused;
    if (at > now && (!next || at < *next)) next = at;
  }
  return next ? std::optional(wall_clock_.wall(*next)) : std::nullopt;
}

// "main (2)": what was measured under another load is a part of its own.
std::string SteeredLoad::next_part() {
  return fmt::format("{} ({})", phase_->name, parts_ + 1);
}

void SteeredLoad::note(const std::string& event, const SteerOrder& order, const std::string& part,
                       Time at, const std::string& text) {
  std::string value = "{";
  const auto put = [&](const char* key, const std::string& json) {
    value += fmt::format("{}\"{}\": {}", value.size() > 1 ? ", " : "", key, json);
  };
  put("name", wire::json_text(text));
  if (order.kind == SteerOrder::Kind::kRate) {
    put("client", wire::json_text(order.client));
    put("rps", wire::json_real(order.rps));
  }
  if (!part.empty()) put("part", wire::json_text(part));
  if (!order.by.empty()) put("by", wire::json_text(order.by));
  tell_(event, value + "}");
  const Duration since = began_ ? std::max(at - *began_, Duration{0}) : Duration{0};
  changes_.push_back(fmt::format("{} after the start: {}{}{}", format_duration(since), text,
                                 part.empty() ? "" : fmt::format(" (\"{}\" from then)", part),
                                 order.by.empty() ? "" : ", by " + order.by));
}

}  // namespace galileo::experiment
