#include "experiment/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "analysis/throttling.h"
#include "base/secrets.h"
#include "base/text.h"
#include "experiment/abort_watch.h"
#include "experiment/collector.h"
#include "experiment/live_rates.h"
#include "experiment/steered_load.h"
#include "experiment/timeline.h"
#include "plan/successes.h"
#include "store/database_url.h"
#include "wire/json.h"

namespace galileo::experiment {
namespace {

// What a run that is cut off doesn't know of its ledger, at most (README).
constexpr Duration kCheckpointEvery = std::chrono::milliseconds{100};
constexpr Duration kInFlightEvery = std::chrono::seconds{1};  // the loops are asked
// Thresholds that end the run are looked at.
constexpr Duration kAbortEvery = std::chrono::milliseconds{250};
// Once it is told to stop, answers that are on their way get this long.
constexpr Duration kGraceAfterStop = std::chrono::seconds{2};
constexpr std::size_t kOtherFiles = 100;  // that are no connections

// A seed nobody has chosen, short enough to be typed again.
std::uint64_t draw_seed() {
  std::random_device device;
  return device() % 1'000'000'000u;
}

// Metadata longer than this aren't written again with each checkpoint: a run that is killed keeps
// them no more.
constexpr std::size_t kMetadataOften = std::size_t{16} << 10;

// What is known of a run that is cut off, beside its rows: in place of its metadata until it ends.
std::string checkpoint_json(const load::Begun& begun, std::uint64_t claim,
                            const std::string& metadata) {
  std::string json =
      fmt::format(R"({{"checkpoint": {{"intended": {}, "sent": {}{}}})", begun.intended, begun.sent,
                  claim > 0 ? fmt::format(R"(, "claim": {})", claim) : std::string());
  if (metadata.empty() || metadata.size() > kMetadataOften) return json + "}";
  return json + ", " + metadata.substr(1);
}

class Run {
 public:
  Run(const plan::Plan& plan, const RunSetup& setup)
      : plan_(plan),
        setup_(setup),
        recording_(setup.recording),
        watcher_(setup.watcher),
        control_(setup.stop.loop()),
        wall_clock_(net::RealClock().wall_clock()),
        state_timer_([this](Time now) { on_state(now); }),
        checkpoint_timer_([this](Time now) { on_checkpoint(now); }),
        give_up_([this](Time) { load_->end_all(); }),
        abort_watch_(plan),
        abort_timer_([this](Time now) { on_abort_turn(now); }),
        timeline_(
            control_.timers(),
            [this](const analysis::Threshold& condition) { return holds(condition); },
            [this](const plan::Action& action, Time) { act(action); }),
        steered_(
            control_.clock(), wall_clock_,
            [this](const std::string& event, const std::string& value) { tell(event, value); }) {
    setup_.stop.on_asked([this] { on_stop(); });
    if (setup_.steering)
      setup_.steering->on_asked([this](const SteerOrder& order) { return on_steered(order); });
  }
  ~Run() {
    setup_.stop.on_asked({});
    if (setup_.steering) setup_.steering->on_asked({});
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  Result<void> begin_recording();
  Result<void> prepare_applications();
  Result<void> start_applications();
  Result<void> start_telemetry();
  Result<void> prepare_load();
  Result<void> open_load();
  Result<void> run_phases();
  void stop_sources();
  Result<void> end_recording();
  // After stop_sources(), of one that couldn't begin: a process that was stopped for minutes meets
  // one time-out or another before it sees what it has lost.
  Error why_not(const Error& met) const { return lost_.value_or(met); }
  // The run couldn't go on: what was recorded is kept, as FAILED.
  void abandon(const Error& error);
  RunOutcome outcome();

 private:
  Result<void> run_phase(const plan::Phase& phase);
  bool holds(const analysis::Threshold& condition);
  void act(const plan::Action& action);
  void end_timeline();
  void wait_for_phase(Time deadline);  // kNever: until it is done or told to stop
  std::string log_folder() const;
  void know(const wire::NodeInfo& info);
  void break_off(const Error& why);
  void on_stop();
  Result<Steered> on_steered(const SteerOrder& order);
  void on_spool_full();
  void on_abort_turn(Time now);
  void stop_sending();
  bool is_ending() const {
    return setup_.stop.times() > 0 || spool_is_full_ || ended_by_hand_ || broken_off_ ||
           is_load_over_ || abort_watch_.has_ended_it();
  }
  void on_state(Time now);
  void on_checkpoint(Time now);
  void tell_observers(Time now, const load::Begun& begun);
  RunState state(Time now);
  Time next_turn(Time now, Duration every) const;
  void tell(const std::string& event, const std::string& value);
  load::Ledger final_ledger();
  analysis::Evidence evidence();
  std::string why_ended_early() const;
  void take_ending();  // at its end
  void keep_result();
  void store_rows();
  store::Recording::GiveUp give_up();
  void note_undrained(const Error& why);
  Wall wall_now() const { return wall_clock_.wall(control_.clock().now()); }

  plan::Plan plan_;
  const RunSetup& setup_;
  store::Recording& recording_;
  RunWatcher& watcher_;
  net::Loop& control_;
  const WallClock wall_clock_;
  net::Timer state_timer_;
  net::Timer checkpoint_timer_;
  load::Begun checkpoint_;  // the last one told
  net::Timer give_up_;      // ends what is in flight
  AbortWatch abort_watch_;
  net::Timer abort_timer_;
  Timeline timeline_;  // of the phase
  SteeredLoad steered_;
  wire::Experiment experiment_;
  std::vector<wire::NodeInfo> node_info_;
  std::unique_ptr<Collector> collector_;
  std::optional<Platform::Context> context_;
  std::unique_ptr<LoadSource> load_;
  plan::Expectation expectation_;
  std::string phase_name_;
  bool phase_done_ = false;
  bool rows_are_stored_ = false;  // all of them in the database
  bool is_load_open_ = false;
  bool is_load_over_ = false;
  bool was_cut_short_ = false;  // it was told to stop while there was load
  bool ended_by_hand_ = false;
  bool spool_is_full_ = false;  // the run ends since it may take no more
  Time phases_began_{};
  Time in_flight_told_{};
  LiveRates rates_;
  std::string trouble_;
  std::vector<std::string> notes_, doubts_;  // doubts of the platform
  analysis::RunResult result_;
  std::string why_ended_;            // as whoever has ended it says
  std::optional<Error> broken_off_;  // why it ended before all was run: a phase that couldn't begin
  std::optional<Error> lost_;        // why what it made may be others' by now
  std::optional<Error> problem_;     // why not all was run, or could be kept
};

Result<void> Run::begin_recording() {
  if (setup_.queued)
    experiment_ = *setup_.queued;
  else
    experiment_.creator = plan_.creator;
  if (experiment_.name.empty()) experiment_.name = plan_.name;
  if (!plan_.seed_given) plan_.seed = draw_seed();
  node_info_ = TRY(setup_.telemetry.nodes());
  // Whose it is stands there before its first checkpoint.
  TRY(recording_.begin(
      experiment_, wall_now(), node_info_,
      setup_.claim > 0 ? checkpoint_json({}, setup_.claim, plan_.metadata) : plan_.metadata));
  watcher_.on_begun(experiment_);
  result_.metadata = plan_.metadata;
  notes_ = recording_.notes();
  Collector::Options collected;
  collected.loops = load_loops(plan_);
  collected.start = experiment_.start;
  for (RunObserver* const observer : setup_.observers) observer->begin(experiment_, plan_);
  collected.observers = setup_.observers;
  collected.on_spool_full = [this] { control_.post([this] { on_spool_full(); }); };
  collector_ = std::make_unique<Collector>(collected, recording_.spool());
  collector_->start();
  for (const wire::NodeInfo& info : node_info_) collector_->put(info);
  recording_.drain();
  return {};
}

// Where what the applications print is kept.
std::string Run::log_folder() const {
  const std::string& database = recording_.database();
  if (database.empty()) return fmt::format("{}.logs", recording_.spool_path());
  return fmt::format("{}/{}", store::path_beside(database, ".logs"), experiment_.id);
}

Result<void> Run::prepare_applications() {
  context_.emplace(
      Platform::Context{plan_, experiment_.id, log_folder(), control_, {}, {}, {}, {}, {}});
  context_->interrupted = [this] {
    control_.run_pending();
    return setup_.stop.times() > 0;
  };
  context_->know = [this](const wire::NodeInfo& info) { know(info); };
  context_->tell = [this](const std::string& event, const std::string& value) {
    tell(event, value);
  };
  context_->wait = [this](const Waiting& waiting) { watcher_.on_waiting(waiting); };
  context_->end_run = [this](const Error& why) { break_off(why); };
  return setup_.platform.prepare(*context_);
}

void Run::know(const wire::NodeInfo& info) {
  const bool is_known = std::any_of(
      node_info_.begin(), node_info_.end(),
      [&](const wire::NodeInfo& one) { return one.node == info.node && one.key == info.key; });
  if (is_known) return;
  node_info_.push_back(info);
  collector_->keep(info);
}

Result<void> Run::start_applications() {
  TRY(setup_.platform.start());
  for (load::ServiceSpec& route : setup_.platform.routes()) {
    const auto known =
        std::find_if(plan_.services.begin(), plan_.services.end(),
                     [&](const load::ServiceSpec& one) { return one.name == route.name; });
    if (known == plan_.services.end())
      plan_.services.push_back(std::move(route));
    else
      known->hosts = std::move(route.hosts);
  }
  return {};
}

Result<void> Run::start_telemetry() {
  if (!plan_.telemetry.enabled) return {};
  return setup_.telemetry.start({plan_, setup_.platform, *collector_, wall_clock_});
}

Result<void> Run::prepare_load() {
  const std::size_t files = setup_.open_files_max;
  if (files > kOtherFiles && plan_.limits.connections_max > files - kOtherFiles) {
    plan_.limits.connections_max = static_cast<std::uint32_t>(files - kOtherFiles);
    notes_.push_back(fmt::format("at most {} connections: the system allows {} open files",
                                 plan_.limits.connections_max, files));
  }
  load_ = setup_.load({control_, plan_, *collector_, wall_clock_, experiment_.id});
  return load_->prepare();
}

Result<void> Run::open_load() {
  if (auto lost = setup_.platform.lost()) return std::move(*lost);
  TRY(load_->open());
  is_load_open_ = true;
  return {};
}

Result<void> Run::run_phases() {
  expectation_ = expect(plan_);
  phases_began_ = control_.clock().now();
  rates_.add(phases_began_, {});
  if (const auto every = watcher_.state_every())
    control_.timers().set(state_timer_, phases_began_ + *every);
  control_.timers().set(checkpoint_timer_, phases_began_ + kCheckpointEvery);
  if (abort_watch_.is_needed()) control_.timers().set(abort_timer_, phases_began_ + kAbortEvery);
  for (const plan::Phase& phase : plan_.phases) {
    if (is_ending()) break;
    Result<void> ran = run_phase(phase);
    if (ran.ok()) continue;
    // What the phases before have measured is told as any result, with why there isn't more.
    if (&phase == &plan_.phases.front()) return ran;
    broken_off_ = std::move(ran).error();
    break;
  }
  control_.timers().cancel(checkpoint_timer_);
  control_.timers().cancel(state_timer_);
  control_.timers().cancel(abort_timer_);
  watcher_.on_sending_over();
  return {};
}

Result<void> Run::run_phase(const plan::Phase& phase) {
  phase_name_ = phase.name;
  phase_done_ = false;
  TRY(timeline_.take(phase));
  tell("phase/start", phase.name);
  const Time start = TRY(load_->begin_phase(phase, [this] {
    phase_done_ = true;
    control_.stop();
  }));
  timeline_.begin(start);
  TRY(steered_.begin(phase, *load_, start));
  // Where every client has an end in time, the wait has one too: then, and the grace for answers.
  Duration longest{0};
  bool ends = true;
  for (const load::ClientSpec& client : phase.clients) {
    const auto lasts = client.duration ? client.duration : phase.duration;
    ends = ends && lasts;
    longest = std::max(longest, client.start_after + lasts.value_or(Duration{0}));
  }
  wait_for_phase(ends ? start + longest + plan_.limits.grace : kNever);
  steered_.end();
  end_timeline();
  tell("phase/end", phase.name);
  return {};
}

// By what the collector has; a question that can't be decided yet hasn't come to hold.
bool Run::holds(const analysis::Threshold& condition) {
  bool holds = false;
  collector_->at_desk(
      [&] { holds = evaluate(condition, collector_->summary(), collector_->telemetry()).passed; });
  return holds;
}

void Run::act(const plan::Action& action) {
  if (const auto* const put = std::get_if<plan::Action::PutEvent>(&action.what))
    return tell(put->name, put->value);
  if (const auto* const cluster = std::get_if<plan::Action::ChangeCluster>(&action.what)) {
    const auto done = setup_.platform.change(*cluster);
    if (done.ok()) return done->empty() ? void() : tell("cluster/change", *done);
    notes_.push_back(fmt::format("not done: {}: {}", describe(action), done.error().to_text()));
    return;
  }
  const auto& change = std::get<plan::Action::ChangeArrival>(action.what);
  if (!action.at) {
    if (const auto changed = load_->change_arrival(change.client, change.arrival); !changed.ok()) {
      notes_.push_back(
          fmt::format("not done: {}: {}", describe(action), changed.error().to_text()));
      return;
    }
  }
  tell("client/arrival",
       fmt::format(R"({{"client": {}, "arrival": {}}})", wire::json_text(change.client),
                   wire::json_text(plan::describe(change.arrival))));
}

void Run::end_timeline() {
  for (const plan::Action* action : timeline_.end())
    notes_.push_back(
        fmt::format("not done before the phase '{}' was over: {}", phase_name_, describe(*action)));
}

void Run::wait_for_phase(Time deadline) {
  if (deadline != kNever) control_.timers().set(give_up_, deadline);
  while (!phase_done_) control_.run();
  control_.timers().cancel(give_up_);
}

void Run::tell(const std::string& event, const std::string& value) {
  const wire::Event told{wall_now(), event, value};
  collector_->put(told);
  watcher_.on_event(told);
}

// The first time ends the sending, and what is in flight a moment later; the second ends all at
// once.
void Run::on_stop() {
  if (!is_load_open_ || is_load_over_) return;
  if (setup_.stop.times() > 1) {
    load_->end_all();
    return;
  }
  stop_sending();
}

// An end by hand is as if the plan had no more: what was done stands.
Result<Steered> Run::on_steered(const SteerOrder& order) {
  if (!is_load_open_ || is_ending())
    return Error{ErrorCode::kUnavailable,
                 "can't change the load",
                 {},
                 is_load_open_ ? "the run is ending" : "no requests are sent at present",
                 {}};
  if (order.kind != SteerOrder::Kind::kEnd) {
    Result<Steered> steered = steered_.take(order);
    if (steered.ok() && order.kind == SteerOrder::Kind::kRate) abort_watch_.forget_rates();
    return steered;
  }
  steered_.note_end(order);
  ended_by_hand_ = true;
  stop_sending();
  return Steered{wall_now(), std::nullopt};
}

// As when it is told to stop: what was recorded is worth more than what would come.
void Run::on_spool_full() {
  if (is_ending()) return;
  spool_is_full_ = true;
  if (is_load_open_) stop_sending();
}

// A threshold that ends the run can't be met any more, whatever would come.
void Run::on_abort_turn(Time now) {
  if (is_ending()) return;
  collector_->at_desk(
      [&] { abort_watch_.look(now, collector_->summary(), collector_->telemetry()); });
  if (!abort_watch_.has_ended_it())
    return control_.timers().set(abort_timer_, next_turn(now, kAbortEvery));
  tell("threshold/abort", abort_watch_.expression());
  stop_sending();
}

// An application is no more: what comes from now on would say nothing of it.
void Run::break_off(const Error& why) {
  if (is_ending()) return;
  broken_off_ = why;
  if (is_load_open_) stop_sending();
}

void Run::stop_sending() {
  end_timeline();
  load_->stop_sending();
  control_.timers().set(give_up_, control_.clock().now() + kGraceAfterStop);
}

// Turns lie on multiples since the start, so that those of two timers wake this thread once.
Time Run::next_turn(Time now, Duration every) const {
  return phases_began_ + every * ((now - phases_began_) / every + 1);
}

void Run::on_state(Time now) {
  watcher_.on_state(state(now));
  control_.timers().set(state_timer_, next_turn(now, *watcher_.state_every()));
}

void Run::on_checkpoint(Time now) {
  const load::Begun begun = load_->begun();
  tell_observers(now, begun);
  if (begun != checkpoint_) {
    wire::Experiment running = experiment_;
    running.status = setup_.queued ? setup_.queued->status : wire::kRunning;
    collector_->put(running, checkpoint_json(begun, setup_.claim, plan_.metadata));
  }
  checkpoint_ = begun;
  control_.timers().set(checkpoint_timer_, next_turn(now, kCheckpointEvery));
}

void Run::tell_observers(Time now, const load::Begun& begun) {
  for (RunObserver* const observer : setup_.observers) observer->on_counts(begun);
  if (setup_.observers.empty() || now - in_flight_told_ < kInFlightEvery) return;
  in_flight_told_ = now;
  const LoadState load = load_->state();
  for (RunObserver* const observer : setup_.observers) observer->on_in_flight(load.in_flight);
}

RunState Run::state(Time now) {
  const LoadState load = load_->state();
  const Collector::Snapshot collected = collector_->snapshot(wall_now());
  RunState state;
  state.name = plan_.name;
  state.phase = phase_name_;
  state.elapsed = now - phases_began_;
  state.requests_expected = expectation_.requests;
  state.duration_expected = expectation_.duration;
  state.figures = load.live.value_or(collected.live);
  if (!load.live) {
    rates_.add(now, {load.ledger.intended, load.ledger.answered, load.ledger.failed()});
    const LiveRates::Rates rates = rates_.rates();
    state.figures.offered_rps = rates.offered_rps;
    state.figures.achieved_rps = rates.achieved_rps;
    state.figures.failed_rps = rates.failed_rps;
  }
  state.intended = load.ledger.intended;
  state.answered = load.ledger.answered;
  state.failed = load.ledger.failed();
  state.not_sent = load.ledger.not_sent();
  state.in_flight = load.in_flight;
  state.connections = load.connections;
  state.cpu_pct = collected.cpu_pct;
  state.stopping = is_ending();
  state.paused = steered_.is_paused();
  for (const std::string& name : setup_.platform.ended()) trouble_ = "application ended: " + name;
  if (!load.trouble.empty()) trouble_ = load.trouble;
  state.trouble = collected.spool_error.empty() ? trouble_ : collected.spool_error;
  return state;
}

// Sources first, then what they feed: nothing is dropped on the way.
void Run::stop_sources() {
  control_.timers().cancel(checkpoint_timer_);
  is_load_over_ = true;
  was_cut_short_ = setup_.stop.times() > 0;
  control_.timers().cancel(give_up_);
  control_.timers().cancel(abort_timer_);
  control_.timers().cancel(state_timer_);  // a phase that couldn't begin left it: it asks sources
  watcher_.on_sending_over();
  lost_ = setup_.platform.lost();
  if (lost_ && load_) load_->leave_routes();
  if (lost_ && !broken_off_) broken_off_ = lost_;
  if (load_) load_->finish();
  setup_.telemetry.stop();
  for (const std::string& name : setup_.platform.ended())
    notes_.push_back(fmt::format("application ended during the run: {}", name));
  doubts_ = setup_.platform.doubts();
  for (std::string& note : setup_.platform.stop()) notes_.push_back(std::move(note));
  if (!broken_off_) broken_off_ = setup_.platform.failure();
  if (collector_) collector_->stop();
  for (RunObserver* const observer : setup_.observers) {
    if (is_load_open_) observer->on_counts(load_->begun());
    for (std::string& note : observer->end()) notes_.push_back(std::move(note));
  }
}

load::Ledger Run::final_ledger() {
  load::Ledger ledger = load_ ? load_->state().ledger : load::Ledger{};
  const store::RowCounts rows = recording_.rows();
  ledger.traces_lost += collector_->traces_lost() + rows.refused.traces + rows.given_up.traces;
  const std::uint64_t kept = ledger.traces_made - std::min(ledger.traces_made, ledger.traces_lost);
  ledger.traces_stored = std::min(rows.traces_stored, kept);
  ledger.traces_spooled = kept - ledger.traces_stored;
  return ledger;
}

analysis::Evidence Run::evidence() {
  analysis::Evidence evidence{result_.ledger, result_.generator.busiest_loop_share, was_cut_short_};
  if (broken_off_) evidence.broken_off = broken_off_->to_text();
  evidence.doubts = load_->doubts();
  evidence.doubts.insert(evidence.doubts.end(), doubts_.begin(), doubts_.end());
  evidence.generator = result_.generator.state;
  evidence.some_dont_tell = !result_.generator.silent.empty();
  for (std::string& doubt : analysis::doubts_of_throttling(
           collector_->joined(), evidence.generator ? &*evidence.generator : nullptr))
    evidence.doubts.push_back(std::move(doubt));
  if (abort_watch_.has_ended_it()) evidence.doubts.push_back(abort_watch_.why());
  if (spool_is_full_)
    evidence.doubts.push_back(
        fmt::format("the run was ended before it was done: its spool took the {} of disk that "
                    "--spool-max allows",
                    format_bytes(static_cast<double>(recording_.options().spool_limit.bytes_max))));
  return evidence;
}

std::string Run::why_ended_early() const {
  if (!why_ended_.empty()) return why_ended_;
  if (ended_by_hand_) return "it was ended by hand";
  if (broken_off_) return broken_off_->to_text();
  if (abort_watch_.has_ended_it()) return abort_watch_.why();
  return was_cut_short_ ? "it was ended by a signal" : "";
}

// All traces go into the database, then the end record with the ledger, then that one too.
Result<void> Run::end_recording() {
  experiment_.end = wall_now();
  experiment_.status = broken_off_ ? wire::kFailed : wire::kFinished;
  problem_ = broken_off_;
  take_ending();
  if (const auto& error = collector_->spool_error())
    notes_.push_back("the spool couldn't be written whole: " + error->to_text());
  store_rows();
  const store::RowCounts rows = recording_.rows();
  if (rows.refused.rows() > 0) notes_.push_back(store::to_text(rows.refused));
  if (const std::uint64_t others = rows.given_up.others + recording_.spool().others_lost();
      others > 0)
    notes_.push_back(fmt::format("{} values and events were lost: the spool had no room for them",
                                 format_count(others)));
  result_.experiment = experiment_;
  result_.ledger = final_ledger();
  result_.generator = load_->use(collector_->summary().due_span());
  for (const std::string& note : load_->notes()) notes_.push_back(note);
  result_.checks = load_->checks();
  collector_->set_checks(result_.checks);
  for (std::string& note : plan::notes_of_requests(plan_)) notes_.push_back(std::move(note));
  result_.verdict = judge(collector_->summary(), evidence());
  result_.ended_early = why_ended_early();
  result_.thresholds = abort_watch_.judge(collector_->summary(), collector_->telemetry());
  result_.steered = steered_.changes();
  for (const std::string& change : result_.steered) notes_.push_back("changed by hand, " + change);
  keep_result();
  return {};
}

// As whoever has told it to end calls that.
void Run::take_ending() {
  if (setup_.stop.times() == 0 || !setup_.ending) return;
  const std::optional<Ending> ending = setup_.ending();
  if (!ending) return;
  experiment_.status = ending->status;
  why_ended_ = ending->reason;
  notes_.insert(notes_.begin(), ending->reason);
  result_.ended = analysis::ended_json(ending->status, ending->reason, ending->by, experiment_.end);
}

// Brings what is in the spool into the database; what it doesn't take, or not before the run is
// told to stop once more, waits there.
void Run::store_rows() {
  const auto stored = recording_.store_rows(give_up());
  rows_are_stored_ = stored.ok();
  if (!stored.ok()) note_undrained(stored.error());
}

store::Recording::GiveUp Run::give_up() {
  return [this, before = setup_.stop.times(), began = control_.clock().now()] {
    control_.run_pending();
    watcher_.on_storing({control_.clock().now() - began, recording_.traces_drained(),
                         load_ ? load_->state().ledger.traces_made : 0, recording_.spool_path()});
    return setup_.stop.times() > before;
  };
}

void Run::note_undrained(const Error& why) {
  notes_.push_back("the database didn't take everything, the spool is kept: " + why.to_text());
}

void Run::keep_result() {
  const bool keep_spool =
      recording_.database().empty() || !rows_are_stored_ || result_.ledger.traces_spooled > 0;
  analysis::Provenance& from = result_.provenance;
  from = setup_.provenance;
  from.seed = plan_.seed;
  // This machine comes first; others are in the database alone.
  for (const wire::NodeInfo& info : node_info_) {
    if (info.node == node_info_.front().node) from.host.emplace_back(info.key, info.value);
  }
  from.file_path = plan_.source_path;
  from.file_text = without_secrets_of_text(plan_.source_text);
  from.plan_json = to_json(plan_);
  from.database = recording_.database();
  from.spool = keep_spool ? recording_.spool_path() : "";
  result_.notes = notes_;
  result_.fail_on = plan_.limits.fail_on;
  const auto ended = recording_.end(experiment_, metadata_json(result_), give_up(), keep_spool);
  if (ended.unclosed && !problem_) problem_ = ended.unclosed;
  if (ended.undrained) note_undrained(*ended.undrained);
  // The count at the very end may have told more.
  if (!recording_.is_stored()) result_.ledger = final_ledger();
  from.spool = recording_.kept_spool();
  result_.notes = notes_;
}

void Run::abandon(const Error& error) {
  experiment_.end = wall_now();
  experiment_.status = wire::kFailed;
  take_ending();
  if (result_.ended.empty() && setup_.claim > 0)
    result_.ended = analysis::ended_json(wire::kFailed, error.to_text(), {}, experiment_.end);
  store_rows();
  result_.experiment = experiment_;
  result_.notes = notes_;
  result_.notes.insert(result_.notes.begin(), error.to_text());
  result_.verdict = {analysis::VerdictValue::kInvalid, {error.to_text()}};
  result_.ledger = final_ledger();
  recording_.end(experiment_, metadata_json(result_), give_up());
}

RunOutcome Run::outcome() {
  return {std::move(result_),        collector_->take_summary(), collector_->take_telemetry(),
          collector_->take_joined(), setup_.stop.times() > 0,    recording_.is_stored(),
          std::move(problem_)};
}

}  // namespace

Result<RunOutcome> run(const plan::Plan& plan, const RunSetup& setup) {
  Run run(plan, setup);
  TRY(run.begin_recording());
  const auto ran = [&]() -> Result<void> {
    TRY(run.prepare_applications());
    TRY(run.prepare_load());
    TRY(run.start_applications());
    // After the applications, so that their processes can be watched from the start.
    TRY(run.start_telemetry());
    TRY(run.open_load());
    return run.run_phases();
  }();
  run.stop_sources();
  if (!ran.ok()) {
    Error why = run.why_not(ran.error());
    run.abandon(why);
    return why;
  }
  TRY(run.end_recording());
  return run.outcome();
}

}  // namespace galileo::experiment
