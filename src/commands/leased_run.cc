#include "commands/leased_run.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "analysis/report.h"
#include "commands/bus_options.h"
#include "commands/exit_codes.h"
#include "commands/run_options.h"
#include "commands/session_parts.h"
#include "net/clock.h"

namespace galileo::commands {
namespace {

using Json = nlohmann::ordered_json;

constexpr Duration kStateEvery = std::chrono::milliseconds{200};
// What is told again and again while something is waited for.
constexpr Duration kWaitingEvery = std::chrono::milliseconds{200};
constexpr std::size_t kEventsMax = 1000;

Json seconds_or_null(const std::optional<Duration>& duration) {
  return duration ? Json(to_seconds(*duration)) : Json(nullptr);
}

Json json_of_state(const experiment::RunState& state) {
  return {{"phase", state.phase},
          {"elapsed_s", to_seconds(state.elapsed)},
          {"duration_expected_s", seconds_or_null(state.duration_expected)},
          {"requests_expected",
           state.requests_expected ? Json(*state.requests_expected) : Json(nullptr)},
          {"intended", state.intended},
          {"answered", state.answered},
          {"failed", state.failed},
          {"not_sent", state.not_sent},
          {"in_flight", state.in_flight},
          {"connections", state.connections},
          {"offered_rps", state.figures.offered_rps},
          {"achieved_rps", state.figures.achieved_rps},
          {"failed_rps", state.figures.failed_rps},
          {"p50_s", seconds_or_null(state.figures.p50)},
          {"p99_s", seconds_or_null(state.figures.p99)},
          {"dispatch_p99_s", seconds_or_null(state.figures.dispatch_p99)},
          {"cpu_pct", state.cpu_pct < 0 ? Json(nullptr) : Json(state.cpu_pct)},
          {"paused", state.paused},
          {"trouble", state.trouble}};
}

}  // namespace

LeasedRun::LeasedRun(net::Loop& loop, std::function<void()> on_change)
    : loop_(loop), on_change_(std::move(on_change)) {}

LeasedRun::~LeasedRun() {
  desk_.stop();
}

void LeasedRun::begin(AskedRun asked, RunTerms terms) {
  desk_.start("run", [](Time) { return kNever; });
  terms.ending = [this] { return ending_; };
  terms.steering = &steering_;
  beside_ = terms.beside;
  desk_.post([this, asked = std::move(asked), terms = std::move(terms)] {
    // The run holds the thread up until it is over.
    Result<Over> over = make(asked, terms, *this, stop_);
    loop_.post([this, over = std::move(over)]() mutable {
      over_ = std::move(over);
      ++number_;
      on_change_();
    });
  });
}

Result<LeasedRun::Over> LeasedRun::make(const AskedRun& asked, const RunTerms& terms,
                                        experiment::RunWatcher& watcher, experiment::Stop& stop) {
  const plan::Plan plan = TRY(plan_of(asked));
  OutputOptions output;
  output.database = asked.database.empty() ? default_database() : asked.database;
  output.spool_folder = asked.spool_folder;
  output.report = asked.report;
  store::RecordingOptions kept = TRY(recording_options(output));
  if (terms.lease) kept.may_write = [lease = terms.lease] { return lease->is_held(); };
  TRY(prepare_outputs(output));
  const std::string& bus_url = asked.bus.empty() ? plan.bus : asked.bus;
  std::unique_ptr<bus::Bus> bus;
  if (!bus_url.empty()) bus = TRY(connect_bus(bus_url));
  analysis::Provenance provenance;
  provenance.version = GALILEO_VERSION;
  provenance.command = words_of(asked);
  provenance.report = asked.report;
  const auto outcome = TRY(carry_out(plan, kept, bus.get(), provenance, watcher, stop, terms));
  Over over{document_of(outcome), code_of(outcome), outcome.interrupted, outcome.stored,
            outcome.problem};
  if (!asked.report.empty()) {
    const auto written = analysis::write_report(asked.report, over.document);
    if (!written.ok() && !over.problem) over.problem = written.error();
  }
  if (over.problem) over.exit_code = exit_code(over.problem->code);
  return over;
}

void LeasedRun::stop(bool now) {
  const bool was_stopping = std::exchange(is_stopping_, true);
  if (!now && was_stopping) return;
  if (now && !was_stopping)
    stop_.ask_now();
  else
    stop_.ask();
}

void LeasedRun::steer(const experiment::SteerOrder& order, experiment::Steering::Answer answer) {
  steering_.ask(order, [this, answer = std::move(answer)](Result<experiment::Steered> done) {
    loop_.post([answer, done = std::move(done)] { answer(done); });
  });
}

void LeasedRun::stop(bool now, experiment::Ending ending) {
  stop_.loop().post([this, ending = std::move(ending)]() mutable { ending_ = std::move(ending); });
  stop(now);
}

void LeasedRun::post(std::function<void()> change) {
  loop_.post([this, change = std::move(change)] {
    ++number_;
    change();
    on_change_();
  });
}

bool LeasedRun::may_tell_again() {
  const Time now = net::RealClock().now();
  if (now - told_ < kWaitingEvery) return false;
  told_ = now;
  return true;
}

std::optional<Duration> LeasedRun::state_every() const {
  return kStateEvery;
}

void LeasedRun::on_begun(const wire::Experiment& experiment) {
  if (beside_) beside_->on_begun(experiment);
  post([this, experiment] { experiment_ = experiment; });
}

void LeasedRun::on_state(const experiment::RunState& state) {
  if (beside_) beside_->on_state(state);
  post([this, state] { state_ = state; });
}

void LeasedRun::on_sending_over() {
  if (beside_) beside_->on_sending_over();
  post([this] { sending_is_over_ = true; });
}

void LeasedRun::on_event(const wire::Event& event) {
  if (beside_) beside_->on_event(event);
  post([this, event] {
    if (events_.size() == kEventsMax) {
      events_.pop_front();
      ++events_left_out_;
    }
    events_.push_back({number_, event});
  });
}

void LeasedRun::on_waiting(const experiment::Waiting& waiting) {
  if (beside_) beside_->on_waiting(waiting);
  const bool is_another = std::exchange(waits_for_, waiting.what) != waiting.what;
  if (!may_tell_again() && !is_another) return;
  post([this, waiting] {
    waiting_.reset();
    if (!waiting.what.empty()) waiting_ = waiting;
  });
}

void LeasedRun::on_storing(const experiment::Storing& storing) {
  if (beside_) beside_->on_storing(storing);
  if (!may_tell_again()) return;
  post([this, storing] { storing_ = storing; });
}

Json LeasedRun::state(std::int64_t since) const {
  const char* stage = "preparing";
  if (state_) stage = "sending";
  if (sending_is_over_) stage = "ending";
  if (over_) stage = "over";
  Json json{{"number", number_},
            {"stage", stage},
            {"id", experiment_.id},
            {"name", experiment_.name},
            {"started", has_begun() ? Json(to_unix_seconds(experiment_.start)) : Json(nullptr)},
            {"stopping", is_stopping_ || (state_ && state_->stopping)},
            {"state", state_ ? json_of_state(*state_) : Json(nullptr)},
            {"waiting", nullptr},
            {"storing", nullptr},
            {"events", Json::array()},
            {"events_left_out", events_left_out_}};
  if (waiting_)
    json["waiting"] = {{"what", waiting_->what},
                       {"done", waiting_->done},
                       {"all", waiting_->all},
                       {"latest", waiting_->latest},
                       {"left_s", seconds_or_null(waiting_->left)}};
  if (storing_)
    json["storing"] = {{"waited_s", to_seconds(storing_->waited)},
                       {"traces_stored", storing_->traces_stored},
                       {"traces_made", storing_->traces_made}};
  for (const Numbered& one : events_) {
    if (one.number > since)
      json["events"].push_back({{"time", to_unix_seconds(one.event.at)},
                                {"name", one.event.name},
                                {"value", one.event.value}});
  }
  return json;
}

Result<Json> LeasedRun::result() const {
  if (!over_)
    return Error{ErrorCode::kUnavailable, "the run isn't over yet", experiment_.id, {}, {}};
  const Over over = TRY(*over_);
  return Json{{"exit_code", over.exit_code},
              {"interrupted", over.interrupted},
              {"stored", over.stored},
              {"problem", over.problem ? json_of(*over.problem) : Json(nullptr)},
              {"document", Json::parse(over.document, nullptr, false)}};
}

}  // namespace galileo::commands
