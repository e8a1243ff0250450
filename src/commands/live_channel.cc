#include "commands/live_channel.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "bus/keys.h"
#include "net/clock.h"

namespace galileo::commands {
namespace {

using Json = nlohmann::ordered_json;

constexpr Duration kQuarter = std::chrono::milliseconds{250};
constexpr Duration kLiveKept = std::chrono::hours{1};
constexpr std::size_t kLiveEventsMax = 1000;
constexpr std::size_t kLivePointsMax = 3600;
constexpr std::size_t kLiveMinutesMax = 10'080;

Json live_seconds(const std::optional<Duration>& duration) {
  return duration ? Json(to_seconds(*duration)) : Json(nullptr);
}

Json stamp_or(Wall time) {
  return time == kNoWall ? Json(nullptr) : Json(to_unix_seconds(time));
}

std::string points_list(int every_s) {
  return every_s == 1 ? "points" : "points:" + std::to_string(every_s);
}

}  // namespace

LiveChannel::LiveChannel(bus::Bus& bus, wire::Experiment experiment, Options options)
    : bus_(bus),
      id_(experiment.id),
      options_(std::move(options)),
      experiment_(std::move(experiment)) {
  desk_.start("live", [this](Time now) { return tick(now); });
}

LiveChannel::~LiveChannel() {
  desk_.stop();
}

void LiveChannel::begin(const wire::Experiment&, const plan::Plan&) {}

void LiveChannel::on_trace(const wire::Trace& trace, const wire::Names& names) {
  gathered_.add(trace, names);
}

void LiveChannel::on_turn() {
  const Time now = net::RealClock().now();
  if (now - handed_over_ < kQuarter / 2) return;
  handed_over_ = now;
  desk_.post(
      [this, gathered = std::exchange(gathered_, LiveCounts())] { quarter_.merge(gathered); });
}

void LiveChannel::on_begun(const wire::Experiment& experiment) {
  desk_.post([this, experiment] { experiment_ = experiment; });
}

void LiveChannel::on_state(const experiment::RunState& state) {
  desk_.post([this, state] { state_ = state; });
}

void LiveChannel::on_sending_over() {
  desk_.post([this] { sending_is_over_ = true; });
}

void LiveChannel::on_event(const wire::Event& event) {
  desk_.post([this, event] {
    if (++events_told_ > kLiveEventsMax) ++events_left_out_;
    tell({{"type", "event"},
          {"t", to_unix_seconds(event.at)},
          {"name", event.name},
          {"value", event.value}},
         {"events"});
  });
}

void LiveChannel::on_waiting(const experiment::Waiting& waiting) {
  desk_.post([this, waiting] {
    waiting_.reset();
    if (!waiting.what.empty()) waiting_ = waiting;
  });
}

void LiveChannel::on_storing(const experiment::Storing& storing) {
  desk_.post([this, storing] { storing_ = storing; });
}

void LiveChannel::note_stopping() {
  desk_.post([this] { is_stopping_ = true; });
}

// Those since the last turn.
std::vector<std::string> LiveChannel::end() {
  desk_.post(
      [this, gathered = std::exchange(gathered_, LiveCounts())] { quarter_.merge(gathered); });
  return {};
}

void LiveChannel::tell_last(const Last& last) {
  desk_.stop([&] {
    const Wall now = net::RealClock::wall_now();
    last_ = last;
    if (last.totals) {
      if (!state_) state_.emplace();
      state_->intended = last.totals->intended;
      state_->answered = last.totals->answered;
      state_->failed = last.totals->failed;
      state_->in_flight = last.totals->in_flight;
    }
    sending_is_over_ = true;
    if (state_) {
      tell_points(series_.add(std::exchange(quarter_, LiveCounts()), totals(), now));
      tell_points(series_.end(now));
    }
    tell_state(now);
    for (const char* what : {"state", "points", "points:10", "points:60", "events"})
      unsaid_.push_back(bus::expire(bus::live_key(id_, what), kLiveKept));
    flush();
  });
}

LiveTotals LiveChannel::totals() const {
  return {state_->intended, state_->answered, state_->failed, state_->in_flight};
}

Time LiveChannel::tick(Time now) {
  const Wall wall = net::RealClock::wall_now();
  if (state_ && !sending_is_over_)
    tell_points(series_.add(std::exchange(quarter_, LiveCounts()), totals(), wall));
  tell_state(wall);
  flush();
  // On a grid, so that four quarters are a second; what was missed is left out.
  const Time after = desk_.clock().now();
  return std::max(now + kQuarter, after - (after - now) % kQuarter);
}

void LiveChannel::tell(Json message, const std::vector<std::string>& lists) {
  Json whole{{"type", message["type"]}, {"n", ++number_}, {"claim", options_.claim}};
  whole.update(message);
  const std::string text = whole.dump(-1, ' ', false, Json::error_handler_t::replace);
  for (const std::string& list : lists) {
    const std::string key = bus::live_key(id_, list);
    const std::size_t most = list == "events"      ? kLiveEventsMax
                             : list == "points:60" ? kLiveMinutesMax
                                                   : kLivePointsMax;
    unsaid_.push_back(bus::list_push_right(key, {text}));
    unsaid_.push_back(bus::list_keep_last(key, most));
  }
  unsaid_.push_back(bus::publish_in(bus::live_channel(id_), text));
}

void LiveChannel::tell_points(const std::vector<LivePoint>& points) {
  for (const LivePoint& point : points) {
    const double every = point.every_s;
    const auto rate = [&](std::uint64_t count) { return static_cast<double>(count) / every; };
    tell({{"type", "point"},
          {"t", to_unix_seconds(point.end)},
          {"every_s", point.every_s},
          {"intended", point.totals.intended},
          {"answered", point.totals.answered},
          {"failed", point.totals.failed},
          {"offered_rps", rate(point.totals.intended)},
          {"achieved_rps", rate(point.totals.answered)},
          {"failed_rps", rate(point.totals.failed)},
          {"in_flight", point.totals.in_flight},
          {"latency_s", latency_json(point.counts.latency)},
          {"lateness_s", lateness_json(point.counts.lateness)},
          {"errors", errors_json(point.counts.errors)}},
         {points_list(point.every_s)});
  }
}

void LiveChannel::tell_state(Wall now) {
  Json state = state_json(now);
  Json whole{{"type", "state"}, {"n", ++number_}, {"claim", options_.claim}};
  whole.update(state);
  const std::string text = whole.dump(-1, ' ', false, Json::error_handler_t::replace);
  unsaid_.push_back(bus::set_text(bus::live_key(id_, "state"), text, kLiveKept));
  unsaid_.push_back(bus::publish_in(bus::live_channel(id_), text));
}

Json LiveChannel::state_json(Wall now) {
  const char* stage = "preparing";
  if (state_) stage = "sending";
  if (sending_is_over_) stage = "ending";
  if (!last_.status.empty()) stage = "over";
  const LiveCounts window = sending_is_over_ ? LiveCounts() : series_.window();
  const experiment::RunState state = state_.value_or(experiment::RunState{});
  Json json{{"id", id_},
            {"name", experiment_.name},
            {"creator", experiment_.creator},
            {"holder", options_.holder},
            {"at", to_unix_seconds(now)},
            {"stage", stage},
            {"status", last_.status.empty() ? experiment_.status : last_.status},
            {"started", stamp_or(experiment_.start)},
            {"stopping", is_stopping_ || state.stopping},
            {"deadline", stamp_or(options_.deadline)},
            {"phase", state.phase},
            {"elapsed_s", to_seconds(state.elapsed)},
            {"duration_expected_s", live_seconds(state.duration_expected)},
            {"requests_expected",
             state.requests_expected ? Json(*state.requests_expected) : Json(nullptr)},
            {"intended", state.intended},
            {"answered", state.answered},
            {"failed", state.failed},
            {"not_sent", state.not_sent},
            {"in_flight", state.in_flight},
            {"connections", state.connections},
            {"window_s", 1},
            {"offered_rps", sending_is_over_ ? 0 : state.figures.offered_rps},
            {"achieved_rps", sending_is_over_ ? 0 : state.figures.achieved_rps},
            {"failed_rps", sending_is_over_ ? 0 : state.figures.failed_rps},
            {"latency_s", latency_json(window.latency)},
            {"lateness_s", lateness_json(window.lateness)},
            {"total", {{"latency_s", latency_json(series_.total().latency)}}},
            {"errors", errors_json(series_.total().errors)},
            {"trouble", state.trouble},
            {"waiting", nullptr},
            {"storing", nullptr},
            {"paused", state.paused},
            {"steer",
             {{"can", options_.cant_steer.empty() && last_.status.empty()},
              {"why", last_.status.empty() ? options_.cant_steer : "it is over"}}},
            {"events_left_out", events_left_out_},
            {"verdict", last_.verdict.empty() ? Json(nullptr) : Json(last_.verdict)},
            {"reason", last_.reason.empty() ? Json(nullptr) : Json(last_.reason)}};
  if (waiting_)
    json["waiting"] = {{"what", waiting_->what},
                       {"done", waiting_->done},
                       {"all", waiting_->all},
                       {"latest", waiting_->latest},
                       {"left_s", live_seconds(waiting_->left)}};
  if (storing_ && last_.status.empty())
    json["storing"] = {{"waited_s", to_seconds(storing_->waited)},
                       {"traces_stored", storing_->traces_stored},
                       {"traces_made", storing_->traces_made}};
  return json;
}

// All at once; what the bus doesn't take now is left out, and the next state says how it is then.
void LiveChannel::flush() {
  if (unsaid_.empty()) return;
  static_cast<void>(bus_.change(std::exchange(unsaid_, {})).ok());
}

}  // namespace galileo::commands
