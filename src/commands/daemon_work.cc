#include "commands/daemon_work.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "bus/fenced.h"
#include "bus/keys.h"
#include "service/queue.h"
#include "service/submission.h"
#include "service/tick_plan.h"
#include "store/experiment_id.h"
#include "telemetry/machine.h"
#include "wire/json.h"

namespace galileo::commands {
namespace {

using Json = nlohmann::ordered_json;

constexpr Duration kTurn = std::chrono::milliseconds{50};
constexpr Duration kBeatEvery = std::chrono::seconds{1};
constexpr Duration kBeatExpiry = std::chrono::seconds{5};
constexpr Duration kTakeEvery = std::chrono::milliseconds{200};
// What is under way at a deadline gets this long.
constexpr Duration kEndWithin = std::chrono::seconds{10};
constexpr Duration kRetryAfterTrouble = std::chrono::seconds{1};
constexpr std::size_t kShownOfItem = 200;

bool is_poison(const std::string& item) {
  return item == wire::kPoison || item == wire::json_text(wire::kPoison);
}

Error not_allowed(std::string what, std::string hint) {
  return Error{ErrorCode::kUsage, "it may not be run", std::move(what),
               "the daemon doesn't allow it", std::move(hint)};
}

// What would run on this machine, or read from it.
Result<void> check_allowed(const plan::Plan& plan, const Allowed& allowed) {
  const bool runs = std::any_of(plan.applications.begin(), plan.applications.end(),
                                [](const plan::Application& one) { return !one.pods; }) ||
                    !plan.telemetry.commands.empty();
  if (runs && !allowed.commands)
    return not_allowed("applications and commands of this machine", "--allow commands");
  const bool reads = !plan.telemetry.files.empty() || !plan.telemetry.processes.empty();
  if (reads && !allowed.files) return not_allowed("files of this machine", "--allow files");
  if (plan.cluster && !allowed.kubernetes)
    return not_allowed("a cluster that this machine may change", "--allow kubernetes");
  return {};
}

// As whoever queues it again puts it into the queue; empty: nothing says what it was.
Result<std::string> item_of_row(store::Store& store, const wire::Experiment& row) {
  if (!TRY(service::submission_of(store, row.id))) return service::item_of(store, row.id);
  // Its file is read where it is kept, when it is taken.
  wire::QueuedExperiment queued;
  queued.experiment = row;
  queued.file.emplace();
  return wire::encode(queued);
}

bool has_rate(const plan::Plan& plan) {
  return std::any_of(plan.phases.begin(), plan.phases.end(), [](const plan::Phase& phase) {
    return std::any_of(phase.clients.begin(), phase.clients.end(),
                       [](const load::ClientSpec& client) { return !client.closed_loop; });
  });
}

// So long a run may take: as its plan says, with what starts and ends around it.
Duration longest_of(const plan::Plan& plan, const DaemonOptions& options) {
  Duration longest = options.grace + plan.limits.grace;
  for (const plan::Application& one : plan.applications)
    longest += one.ready_timeout + one.stop_timeout;
  return longest + plan::expect(plan).duration.value_or(options.longest);
}

}  // namespace

bool allow(Allowed& allowed, std::string_view word) {
  if (word == "environment")
    allowed.environment = true;
  else if (word == "files")
    allowed.files = true;
  else if (word == "commands")
    allowed.commands = true;
  else if (word == "kubernetes")
    allowed.kubernetes = true;
  else
    return false;
  return true;
}

DaemonWork::DaemonWork(bus::Bus& bus, bus::Bus& lease_bus, DaemonOptions options,
                       std::function<void()> on_over)
    : bus_(bus),
      options_(std::move(options)),
      on_over_(std::move(on_over)),
      id_(fleet::make_holder(telemetry::hostname())),
      started_(net::RealClock::wall_now()),
      lease_(lease_bus, {id_, "daemon", {}, options_.lease},
             [this] {
               desk_.post([this] {
                 ask_run_to_end({wire::kFailed, "the lease of the fleet was lost meanwhile", id_},
                                true);
               });
             }),
      keeper_(bus, id_,
              std::clamp<Duration>(options_.lease / 3, std::chrono::milliseconds{100},
                                   std::chrono::seconds{5}),
              item_of_row) {}

DaemonWork::~DaemonWork() {
  desk_.stop([this] {
    orders_.reset();
    run_.reset();
    live_.reset();
  });
}

void DaemonWork::start() {
  desk_.start("daemon", [this](Time now) { return tick(now); });
}

void DaemonWork::end(bool now) {
  desk_.post([this, now] {
    is_ending_ = true;
    ask_run_to_end({wire::kFailed, "its daemon was told to end", id_}, now);
  });
}

// Where one step fails the others go on, and it is tried again.
Time DaemonWork::tick(Time now) {
  if (now >= beat_due_) {
    beat_due_ = now + kBeatEvery;
    beat();
  }
  if (run_ && run_->is_over()) finish();
  check_deadline(now);
  if (now >= look_due_) {
    look_after();
    look_due_ = desk_.clock().now() + std::clamp<Duration>(options_.lease / 3,
                                                           std::chrono::milliseconds{100},
                                                           std::chrono::seconds{5});
  }
  if (!run_ && !is_ending_ && now >= take_due_) {
    take_due_ = desk_.clock().now() + kTakeEvery;
    try_begin();
  }
  if (is_ending_ && !run_ && !std::exchange(is_over_, true)) {
    keeper_.give_back();
    static_cast<void>(bus_.change({bus::remove_key(bus::daemon_key(id_))}).ok());
    on_over_();
  }
  return is_over_ ? kNever : desk_.clock().now() + kTurn;
}

void DaemonWork::beat() {
  const char* state = "idle";
  if (!why_.empty()) state = "waiting";
  if (run_) state = run_->is_stopping() ? "ending" : "running";
  const Json json{{"id", id_},
                  {"host", telemetry::hostname()},
                  {"pid", getpid()},
                  {"version", options_.version},
                  {"started", to_unix_seconds(started_)},
                  {"at", to_unix_seconds(net::RealClock::wall_now())},
                  {"state", state},
                  {"claim", run_ ? Json(lease_.claim()) : Json(nullptr)},
                  {"experiment", taken_ ? Json(taken_->row.id) : Json(nullptr)},
                  {"why", why_}};
  static_cast<void>(
      bus_.change({bus::set_text(bus::daemon_key(id_),
                                 json.dump(-1, ' ', false, Json::error_handler_t::replace),
                                 kBeatExpiry)})
          .ok());
}

void DaemonWork::look_after() {
  const auto looked = [&]() -> Result<void> {
    return keeper_.look(*TRY(store()), net::RealClock::wall_now());
  }();
  if (!looked.ok() && !std::exchange(is_told_, true))
    log(LogLevel::kWarning, "can't look after the queue; trying on",
        {{"why", looked.error().to_text()}});
  if (looked.ok()) is_told_ = false;
}

Result<store::Store*> DaemonWork::store() {
  if (!store_) store_ = TRY(store::open_store(options_.database, store::OpenMode::kCreate));
  return store_.get();
}

void DaemonWork::try_begin() {
  const auto begun = [&]() -> Result<bool> {
    const bool has_some = TRY(bus_.list_size(service::queue_key())) > 0 ||
                          TRY(bus_.list_size(bus::taken_key(id_))) > 0;
    why_.clear();
    if (!has_some) return true;
    if (const auto others = TRY(lease_.take())) {
      why_ = fleet::to_text(*others, net::RealClock::wall_now());
      return true;
    }
    auto taken = take_and_begin();
    if (!taken.ok() || !*taken) lease_.give_back();
    return taken;
  }();
  if (begun.ok()) return;
  why_ = begun.error().to_text();
  log(LogLevel::kWarning, "can't begin an experiment; trying on", {{"why", why_}});
  take_due_ = desk_.clock().now() + kRetryAfterTrouble;
}

// False: none was begun.
Result<bool> DaemonWork::take_and_begin() {
  TRY(service::close_left_clients(bus_, lease_.claim()));
  const auto item = TRY(take_item());
  if (!item) return false;
  if (is_poison(*item)) {
    is_ending_ = true;
    log(LogLevel::kInfo, "the queue has told this daemon to end");
    return drop(*item, {});
  }
  Taken taken;
  taken.item = *item;
  auto queued = wire::decode_queued_experiment(*item);
  if (!queued.ok()) return drop(*item, queued.error().to_text());
  taken.queued = *std::move(queued);
  TRY(identify(taken));
  auto row = TRY(row_of(taken.queued));
  if (!row) return drop(taken.item, "it was removed, or isn't waiting any more");
  taken.row = *std::move(row);
  auto asked = asked_of(taken.queued);
  if (!asked.ok()) {
    TRY(service::end_row(*TRY(store()), taken.row, wire::kQueued,
                         {wire::kFailed, asked.error().to_text(), id_},
                         net::RealClock::wall_now()));
    return drop(taken.item, asked.error().to_text());
  }
  taken.asked = *std::move(asked);
  if (!TRY(mark_begun(taken.row))) return drop(taken.item, "it isn't waiting any more");
  begin(std::move(taken));
  return true;
}

// In one step into this daemon's list, so that an answer that is lost loses nothing: what is there
// already is looked at first.
Result<std::optional<std::string>> DaemonWork::take_item() {
  const std::string own = bus::taken_key(id_);
  std::vector<std::string> items = TRY(bus_.list(own));
  if (items.empty()) {
    TRY(bus_.change_if({lease_.fence()}, {bus::list_move(service::queue_key(), own)}));
    items = TRY(bus_.list(own));
  }
  return items.empty() ? std::optional<std::string>() : std::move(items.back());
}

Result<bool> DaemonWork::drop(const std::string& item, std::string_view why) {
  if (!why.empty())
    log(LogLevel::kWarning, "an item of the queue isn't run",
        {{"why", std::string(why)}, {"item", item.substr(0, kShownOfItem)}});
  TRY(bus_.change({bus::list_remove(bus::taken_key(id_), item)}));
  return false;
}

// What an old program has left out; where it has no id, the item in this daemon's list gets it
// before its row is there, so that it is never run under two.
Result<void> DaemonWork::identify(Taken& taken) {
  wire::Experiment& experiment = taken.queued.experiment;
  const Wall now = net::RealClock::wall_now();
  const bool has_id = !experiment.id.empty();
  if (!has_id) experiment.id = TRY(store::new_experiment_id(now, TRY(store())));
  if (experiment.name.empty()) experiment.name = experiment.id;
  if (experiment.creator.empty()) experiment.creator = fmt::format("galileo-{}", getpid());
  if (experiment.created == kNoWall) experiment.created = now;
  if (has_id) return {};
  const std::string item = wire::encode(taken.queued);
  const std::string own = bus::taken_key(id_);
  TRY(bus_.change({bus::list_remove(own, taken.item), bus::list_push_right(own, {item})}));
  taken.item = item;
  return {};
}

// The row of one that waits; of an item that has none it is made, unless it was removed.
Result<std::optional<wire::Experiment>> DaemonWork::row_of(const wire::QueuedExperiment& queued) {
  store::Store& store = *TRY(this->store());
  auto row = TRY(store.experiment(queued.experiment.id));
  if (row) {
    if (row->status != wire::kQueued) return std::nullopt;
    return row;
  }
  if (TRY(service::is_forgotten(bus_, queued.experiment.id))) return std::nullopt;
  wire::Experiment made = queued.experiment;
  made.status = wire::kQueued;
  made.start = made.end = kNoWall;
  TRY(store.save_experiment(made));
  return made;
}

Result<AskedRun> DaemonWork::asked_of(const wire::QueuedExperiment& queued) {
  AskedRun asked;
  asked.bus = options_.bus;
  asked.database = options_.database;
  asked.spool_folder = options_.spool_folder;
  Allowed allowed = options_.allowed;
  std::optional<wire::QueuedFile> file = queued.file;
  // What was submitted stands in the database, for which somebody may have allowed it more.
  if (const auto submission = TRY(service::submission_of(*TRY(store()), queued.experiment.id))) {
    file = wire::QueuedFile{submission->file, submission->set};
    for (const std::string& one : submission->allows) allow(allowed, one);
  }
  if (file) {
    asked.text = file->text;
    asked.set = file->set;
    asked.reads_environment = allowed.environment;
    asked.reads_files = allowed.files;
    asked.plan = TRY(plan_of(asked));
  } else {
    asked.plan = TRY(service::plan_of_ticks(queued));
  }
  TRY(check_allowed(*asked.plan, allowed));
  return asked;
}

// Its row says so before anything of it is done, or it isn't done. A daemon that slept in between
// takes nothing that others may have by now.
Result<bool> DaemonWork::mark_begun(wire::Experiment& row) {
  store::Store& store = *TRY(this->store());
  wire::Experiment begun = row;
  begun.status = wire::kInProgress;
  begun.start = net::RealClock::wall_now();
  const std::string metadata =
      fmt::format(R"({{"checkpoint": {{"intended": 0, "sent": 0, "claim": {}}}}})", lease_.claim());
  TRY(store.begin());
  auto changed = [&]() -> Result<bool> {
    if (!TRY(store.change_experiment(begun, wire::kQueued))) return false;
    TRY(store.save_metadata(begun.id, metadata));
    if (!lease_.is_held()) return false;
    TRY(store.commit());
    return true;
  }();
  if (!changed.ok() || !*changed) store.rollback();
  if (!changed.ok() || !*changed) return changed;
  if (!lease_.is_held()) {
    TRY(store.change_experiment(row, wire::kInProgress));
    return Error{ErrorCode::kInterrupted, "the lease was lost", row.id, "it is left to others", {}};
  }
  row = begun;
  return true;
}

void DaemonWork::begin(Taken taken) {
  taken_ = std::move(taken);
  run_ = std::make_unique<LeasedRun>(desk_.loop(), [] {});
  RunTerms terms;
  terms.queued = taken_->row;
  terms.lease = &lease_;
  const Duration longest = longest_of(*taken_->asked.plan, options_);
  const std::string cant_steer =
      has_rate(*taken_->asked.plan) ? "" : "a closed loop has no rate: it can be paused and ended";
  deadline_ = desk_.clock().now() + longest;
  live_bus_ = bus::make_fenced(bus_, lease_.fence(), "the lease of the fleet is over");
  live_ = std::make_unique<LiveChannel>(
      *live_bus_, taken_->row,
      LiveChannel::Options{id_, lease_.claim(), net::RealClock::wall_now() + longest, cant_steer});
  terms.observers = {live_.get()};
  terms.beside = live_.get();
  serve_orders();
  log(LogLevel::kInfo, "an experiment begins",
      {{"experiment", taken_->row.id}, {"name", taken_->row.name}});
  run_->begin(taken_->asked, std::move(terms));
}

void DaemonWork::serve_orders() {
  auto served = RunOrders::listen(
      bus_, desk_.loop(), taken_->row.id,
      {[this](bool now, const experiment::Ending& ending) { ask_run_to_end(ending, now); },
       [this](const experiment::SteerOrder& order, experiment::Steering::Answer answer) {
         run_->steer(order, std::move(answer));
       }});
  if (served.ok())
    orders_ = *std::move(served);
  else
    log(LogLevel::kWarning, "nobody can order this run about", {{"why", served.error().to_text()}});
}

void DaemonWork::ask_run_to_end(const experiment::Ending& ending, bool now) {
  if (!run_ || run_->is_over()) return;
  live_->note_stopping();
  run_->stop(now, ending);
}

void DaemonWork::check_deadline(Time now) {
  if (!run_ || now < deadline_) return;
  const bool again = run_->is_stopping();
  ask_run_to_end({wire::kFailed,
                  fmt::format("it wasn't over {} after it began: past its deadline",
                              format_duration(longest_of(*taken_->asked.plan, options_))),
                  id_},
                 again);
  deadline_ = now + kEndWithin;
}

// As its row has it; the verdict is its result's.
void DaemonWork::tell_end(const Result<Json>& result) {
  LiveChannel::Last last;
  last.status = wire::kFailed;
  if (!result.ok()) last.reason = result.error().to_text();
  if (result.ok()) {
    const Json& document = result->at("document");
    if (document.is_object()) {
      last.status = document.at("experiment").value("status", last.status);
      last.verdict = document.at("verdict").value("value", last.verdict);
      const Json& ledger = document.at("ledger");
      const auto count = [&](const char* key) { return ledger.value(key, std::uint64_t{0}); };
      last.totals = LiveTotals{count("intended"), count("answered"), 0, 0};
      for (const auto& [reason, failed] : ledger.at("failed").items())
        last.totals->failed += failed.get<std::uint64_t>();
    }
    const Json& problem = result->at("problem");
    if (problem.is_object()) last.reason = problem.value("text", last.reason);
  }
  if (const auto& ending = run_->ending()) last.reason = ending->reason;
  if (store_) {
    const auto row = store_->experiment(taken_->row.id);
    if (row.ok() && *row && wire::is_final((*row)->status)) last.status = (*row)->status;
  }
  live_->tell_last(last);
}

// Where the run has said how it ended, its row does; else it is said here.
void DaemonWork::finish() {
  const auto result = run_->result();
  if (!result.ok() && lease_.is_held()) {
    const auto ended = [&]() -> Result<bool> {
      return service::end_row(*TRY(store()), taken_->row, wire::kInProgress,
                              {wire::kFailed, result.error().to_text(), id_},
                              net::RealClock::wall_now());
    }();
    if (!ended.ok())
      log(LogLevel::kWarning, "the end of an experiment can't be kept",
          {{"experiment", taken_->row.id}, {"why", ended.error().to_text()}});
  }
  tell_end(result);
  log(LogLevel::kInfo, "an experiment is over", {{"experiment", taken_->row.id}});
  // One that stays in the list is dropped when it is taken again, since its row is over.
  static_cast<void>(bus_.change({bus::list_remove(bus::taken_key(id_), taken_->item)}).ok());
  // What was ordered and isn't answered yet finds neither.
  orders_.reset();
  run_.reset();
  live_.reset();
  live_bus_.reset();
  lease_.give_back();
  taken_.reset();
  deadline_ = kNever;
}

}  // namespace galileo::commands
