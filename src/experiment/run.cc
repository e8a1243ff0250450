#include "experiment/run.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <random>
#include <utility>

#include "analysis/report.h"
#include "analysis/summary_text.h"
#include "base/file.h"
#include "base/output.h"
#include "base/secrets.h"
#include "base/text.h"
#include "experiment/collector.h"
#include "experiment/live_rates.h"
#include "experiment/live_view.h"
#include "experiment/load_source.h"
#include "experiment/on_processes.h"
#include "load/engine.h"
#include "net/signals.h"
#include "store/database_url.h"
#include "store/drain.h"
#include "store/drain_desk.h"
#include "store/experiment_id.h"
#include "telemetry/machine.h"
#include "telemetry/sampler.h"
#include "wire/csv.h"

namespace galileo::experiment {
namespace {

constexpr Duration kViewEvery = std::chrono::milliseconds{200};
// What a run that is cut off doesn't know of its books, at most (README).
constexpr Duration kCheckpointEvery = std::chrono::milliseconds{100};
// After a signal, answers that are on their way get this long.
constexpr Duration kGraceAfterSignal = std::chrono::seconds{2};

// Now: it may be made narrower or wider at any time.
int terminal_width() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

// Reads the instruments at a desk of its own.
class SamplerDesk final : public Sink<wire::Sample> {
 public:
  SamplerDesk(Collector& collector, const WallClock& wall_clock)
      : collector_(collector), wall_clock_(wall_clock) {}
  ~SamplerDesk() override { stop(); }

  Result<void> start(const telemetry::SamplerOptions& options) {
    desk_ = std::make_unique<net::LoopThread>("telemetry");
    timer_ = std::make_unique<net::Timer>([this](Time now) { tick(now); });
    Result<void> started;
    desk_->call([&] { started = start_on_desk(options); });
    return started;
  }
  void stop() {
    if (!desk_) return;
    desk_->call([this] { desk_->loop().timers().cancel(*timer_); });
    desk_->join();
    sampler_.reset();  // may have timers and sockets on the loop, which runs no more
    desk_.reset();
  }
  void put(const wire::Sample& sample) override {
    // Those that come later (of a page, a command, a slow file) come several in one turn too.
    if (samples_.empty() && !is_reading_) desk_->loop().post([this] { hand_on(); });
    samples_.push_back(sample);
  }

 private:
  Result<void> start_on_desk(telemetry::SamplerOptions options) {
    net::Loop& loop = desk_->loop();
    options.machine.loop = &loop;
    sampler_ = TRY(telemetry::Sampler::make(options, *this, [wall_clock = wall_clock_] {
      const Time at = net::RealClock().now();
      return telemetry::Moment{wall_clock.wall(at), at};
    }));
    const Time now = loop.clock().now();
    sampler_->start(now);
    tick(now);
    return {};
  }
  void tick(Time now) {
    is_reading_ = true;
    sampler_->run_due(now);
    is_reading_ = false;
    hand_on();
    desk_->loop().timers().set(*timer_, sampler_->next_due());
  }

  // What was read in one turn wakes the collector once.
  void hand_on() {
    if (!samples_.empty()) collector_.put(std::exchange(samples_, {}));
  }

  Collector& collector_;
  const WallClock wall_clock_;
  std::vector<wire::Sample> samples_;
  bool is_reading_ = false;
  std::unique_ptr<telemetry::Sampler> sampler_;
  std::unique_ptr<net::LoopThread> desk_;
  std::unique_ptr<net::Timer> timer_;
};

// What is known of a run that is cut off, beside its rows: in place of its metadata until it ends.
std::string checkpoint_json(const load::Begun& begun) {
  return fmt::format(R"({{"checkpoint": {{"intended": {}, "sent": {}}}}})", begun.intended,
                     begun.sent);
}

class Run {
 public:
  Run(plan::Plan plan, const RunOptions& options)
      : plan_(std::move(plan)),
        options_(options),
        wall_clock_(net::RealClock().wall_clock()),
        signals_(control_, [this](int) { on_signal(); }),
        view_timer_([this](Time now) { on_view(now); }),
        checkpoint_timer_([this](Time now) { on_checkpoint(now); }),
        give_up_([this](Time) { load_->end_all(); }) {}

  Result<void> open_books();
  Result<void> start_applications();
  Result<void> start_telemetry();
  Result<void> start_load();
  Result<void> run_phases();
  void stop_sources();
  Result<void> close_books();
  // The run couldn't go on: what was recorded is kept, as FAILED.
  void abandon(const Error& error);
  RunOutcome outcome();

 private:
  Result<void> run_phase(const plan::Phase& phase);
  void wait_for_phase(Time deadline);  // kNever: until it is done or a signal comes
  void on_signal();
  void on_spool_full();
  void stop_sending();
  bool is_ending() const { return signals_seen_ > 0 || spool_is_full_ || is_load_over_; }
  void on_view(Time now);
  void on_checkpoint(Time now);
  Time next_turn(Time now, Duration every) const;
  wire::Experiment running() const;
  void draw(Time now);
  void clear_view();
  store::SpoolRows given_up_rows() const;
  load::Ledger final_ledger();
  void keep_result();
  bool keep(const Result<void>& done);
  void drain_rest();
  void tell_of_drain();
  Wall wall_now() const { return wall_clock_.wall(control_.clock().now()); }

  plan::Plan plan_;
  const RunOptions options_;
  const WallClock wall_clock_;
  net::Loop control_;
  net::Signals signals_;  // before any other thread, so that they all leave signals to it
  net::Timer view_timer_;
  net::Timer checkpoint_timer_;
  load::Begun checkpoint_;  // the last one told
  net::Timer give_up_;      // ends what is in flight
  wire::Experiment experiment_;
  telemetry::Machine machine_;
  std::vector<wire::NodeInfo> node_info_;
  std::string database_;  // as it calls itself: without a password; empty: none
  std::string spool_path_;
  std::unique_ptr<Collector> collector_;
  std::unique_ptr<store::DrainDesk> drain_;
  std::unique_ptr<Processes> processes_;
  std::unique_ptr<SamplerDesk> sampler_;
  std::unique_ptr<LoadSource> load_;
  plan::Expectation expectation_;
  std::string phase_name_;
  bool phase_done_ = false;
  bool drained_ = false;    // all that was in the spool is in the database
  bool is_stored_ = false;  // and its end too; or there is none
  int signals_seen_ = 0;
  bool is_load_over_ = false;
  bool was_cut_short_ = false;  // by a signal, while there was load
  bool spool_is_full_ = false;  // the run ends since it may take no more
  Time phases_began_{};
  LiveRates rates_;
  bool is_drawn_ = false;
  Time line_printed_{};
  Time drain_told_{};
  std::string trouble_;
  std::vector<std::string> notes_;
  analysis::RunResult result_;
  std::optional<Error> broken_off_;  // why a phase that isn't the first couldn't begin
  std::optional<Error> problem_;     // why not all was run, or could be kept
};

// Its first line holds it; some servers write more behind.
Result<std::int64_t> pid_in_file(const plan::WatchedProcess& process) {
  const std::string text = TRY(read_whole_file(process.pid_file, 4096));
  const std::string_view whole = wire::after_byte_order_mark(text);
  const auto number = parse_integer(trim(whole.substr(0, whole.find('\n'))));
  if (number && *number > 0 && *number <= std::numeric_limits<pid_t>::max()) return *number;
  return Error{ErrorCode::kUsage,
               fmt::format("can't watch process '{}'", process.name),
               process.pid_file,
               "the file holds no process id in its first line",
               {}};
}

// Where everything is written to is opened before anything is started: a folder that can't be
// written to ends the run before it begins.
Result<void> Run::open_books() {
  experiment_.name = plan_.name;
  experiment_.creator = plan_.creator;
  experiment_.created = wall_now();
  if (!plan_.seed_given) plan_.seed = draw_seed();
  for (const std::string& path : {options_.report, options_.json}) {
    const auto folder = std::filesystem::path(path).parent_path();
    if (!folder.empty()) TRY(make_folders(folder.string()));
    if (!path.empty() && !is_stdout(path)) TRY(check_writable(path));
  }
  const bool has_database = options_.database != "none";
  std::unique_ptr<store::Store> store;
  if (has_database) {
    store = TRY(store::open_store(options_.database, store::OpenMode::kCreate));
    for (const store::Recovered& one : store::recover(*store))
      notes_.push_back(store::to_text(one));
  }
  experiment_.id = TRY(store::new_experiment_id(wall_now(), store.get()));
  std::string folder = options_.spool_folder;
  if (has_database) database_ = store->where();
  if (folder.empty()) folder = has_database ? store::spool_folder(database_) : ".";
  spool_path_ = fmt::format("{}/{}.spool", folder, experiment_.id);
  auto spool = TRY(store::SpoolWriter::create(spool_path_, options_.spool_limit));
  if (has_database) {
    if (const auto found = store::link_spool(spool_path_, database_); !found.ok())
      notes_.push_back(found.error().to_text());
  }
  experiment_.start = wall_now();
  spool->experiment(running(), "");
  machine_.node = telemetry::hostname();
  node_info_ = telemetry::node_info(machine_);
  for (const wire::NodeInfo& info : node_info_) spool->node_info(info);
  Collector::Options collected;
  collected.loops = load::Engine::threads(plan_.limits);
  collected.start = experiment_.start;
  collected.on_spool_full = [this] { control_.post([this] { on_spool_full(); }); };
  collector_ = std::make_unique<Collector>(collected, std::move(spool));
  collector_->start();
  if (has_database) {
    drain_ = std::make_unique<store::DrainDesk>(
        std::move(store), spool_path_,
        [&to = collector_->spool()](std::uint64_t position) { to.release(position); });
    drain_->start();
  }
  return {};
}

Result<void> Run::start_applications() {
  const std::string logs =
      options_.database == "none"
          ? fmt::format("{}.logs", spool_path_)
          : fmt::format("{}/{}", store::path_beside(database_, ".logs"), experiment_.id);
  processes_ = std::make_unique<Processes>(logs);
  const auto interrupted = [this] {
    control_.run_pending();
    return signals_seen_ > 0;
  };
  for (const plan::Application& application : plan_.applications) {
    TRY(processes_->start(application, interrupted));
    collector_->put(wire::Event{wall_now(), "application/start", application.name});
  }
  return {};
}

Result<void> Run::start_telemetry() {
  if (!plan_.telemetry.enabled) return {};
  telemetry::SamplerOptions options;
  options.machine = machine_;
  options.instruments = plan_.telemetry.instruments;
  options.period = plan_.telemetry.period;
  // Who asks others asks no more often than the daemon would.
  for (const telemetry::InstrumentRow& row : telemetry::instrument_rows()) {
    if (row.name == "scrape" || row.name == "command")
      options.periods[std::string(row.name)] = std::max(row.period, plan_.telemetry.period);
  }
  options.machine.files = plan_.telemetry.files;
  options.machine.pages = plan_.telemetry.pages;
  options.machine.page_metrics = plan_.telemetry.page_metrics;
  options.machine.commands = plan_.telemetry.commands;
  for (const std::string& name : plan_.telemetry.applications)
    options.machine.processes.push_back({name, processes_->pid(name)});
  for (const plan::WatchedProcess& process : plan_.telemetry.processes) {
    std::int64_t pid = process.pid;
    if (!process.pid_file.empty()) pid = TRY(pid_in_file(process));
    options.machine.processes.push_back({process.name, pid, false});
  }
  // Our own use too: what the generator takes from the machine under test is part of the picture.
  // The applications that it has started are no part of that.
  options.machine.processes.push_back({"galileo", getpid(), true});
  sampler_ = std::make_unique<SamplerDesk>(*collector_, wall_clock_);
  return sampler_->start(options);
}

Result<void> Run::start_load() {
  const std::size_t files = net::raise_open_files_limit();
  if (!options_.bus && files > 100 && plan_.limits.connections_max > files - 100) {
    plan_.limits.connections_max = static_cast<std::uint32_t>(files - 100);
    notes_.push_back(fmt::format("at most {} connections: the system allows {} open files",
                                 plan_.limits.connections_max, files));
  }
  load_ = options_.bus ? on_fleet(control_, plan_, *collector_, *options_.bus, experiment_.id)
                       : on_engine(control_, plan_, *collector_, wall_clock_);
  return load_->prepare();
}

Result<void> Run::run_phases() {
  expectation_ = expect(plan_);
  phases_began_ = control_.clock().now();
  rates_.add(phases_began_, {});
  line_printed_ = phases_began_;  // the first line is of a whole second
  if (!options_.quiet) control_.timers().set(view_timer_, phases_began_ + kViewEvery);
  control_.timers().set(checkpoint_timer_, phases_began_ + kCheckpointEvery);
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
  control_.timers().cancel(view_timer_);
  clear_view();
  return {};
}

Result<void> Run::run_phase(const plan::Phase& phase) {
  phase_name_ = phase.name;
  phase_done_ = false;
  collector_->put(wire::Event{wall_now(), "phase/start", phase.name});
  const Time start = TRY(load_->begin_phase(phase, [this] {
    phase_done_ = true;
    control_.stop();
  }));
  // Where every client has an end in time, the wait has one too: then, and the grace for answers.
  Duration longest{0};
  bool ends = true;
  for (const load::ClientSpec& client : phase.clients) {
    const auto lasts = client.duration ? client.duration : phase.duration;
    ends = ends && lasts;
    longest = std::max(longest, client.start_after + lasts.value_or(Duration{0}));
  }
  wait_for_phase(ends ? start + longest + plan_.limits.grace : kNever);
  collector_->put(wire::Event{wall_now(), "phase/end", phase.name});
  return {};
}

void Run::wait_for_phase(Time deadline) {
  if (deadline != kNever) control_.timers().set(give_up_, deadline);
  while (!phase_done_) control_.run();
  control_.timers().cancel(give_up_);
}

// The first signal ends the sending, and what is in flight a moment later; the second ends all at
// once.
void Run::on_signal() {
  ++signals_seen_;
  if (!load_ || is_load_over_) return;
  if (signals_seen_ > 1) {
    load_->end_all();
    return;
  }
  stop_sending();
}

// As by a signal: what was recorded is worth more than what would come.
void Run::on_spool_full() {
  if (is_ending()) return;
  spool_is_full_ = true;
  if (load_) stop_sending();
}

void Run::stop_sending() {
  load_->stop_sending();
  control_.timers().set(give_up_, control_.clock().now() + kGraceAfterSignal);
}

void Run::on_view(Time now) {
  draw(now);
  control_.timers().set(view_timer_, next_turn(now, kViewEvery));
}

// Turns lie on multiples since the start, so that those of two timers wake this thread once.
Time Run::next_turn(Time now, Duration every) const {
  return phases_began_ + every * ((now - phases_began_) / every + 1);
}

void Run::on_checkpoint(Time now) {
  const load::Begun begun = load_->begun();
  if (begun != checkpoint_) collector_->put(running(), checkpoint_json(begun));
  checkpoint_ = begun;
  control_.timers().set(checkpoint_timer_, next_turn(now, kCheckpointEvery));
}

wire::Experiment Run::running() const {
  wire::Experiment running = experiment_;
  running.status = wire::kRunning;
  return running;
}

void Run::draw(Time now) {
  if (!options_.live && now - line_printed_ < std::chrono::milliseconds{990}) return;
  line_printed_ = now;
  const LoadState load = load_->state();
  const Collector::Snapshot collected = collector_->snapshot(wall_now());
  LiveState state;
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
  for (const std::string& name : processes_->ended()) trouble_ = "application ended: " + name;
  if (!load.trouble.empty()) trouble_ = load.trouble;
  state.trouble = collected.spool_error.empty() ? trouble_ : collected.spool_error;
  if (!options_.live) {
    print_talk(live_line(state));
    return;
  }
  draw_talk(drawn_lines(state, terminal_width()));
  is_drawn_ = true;
}

void Run::clear_view() {
  if (is_drawn_) draw_talk(kViewEnd);
  is_drawn_ = false;
}

// Sources first, then what they feed: nothing is dropped on the way.
void Run::stop_sources() {
  control_.timers().cancel(checkpoint_timer_);
  is_load_over_ = true;
  was_cut_short_ = signals_seen_ > 0;
  control_.timers().cancel(give_up_);
  control_.timers().cancel(view_timer_);  // a phase that couldn't begin left it: it asks sources
  clear_view();
  if (load_) load_->finish();
  if (sampler_) sampler_->stop();
  if (processes_) {
    for (const std::string& name : processes_->ended())
      notes_.push_back(fmt::format("application ended during the run: {}", name));
    processes_->stop();
  }
  if (collector_) collector_->stop();
}

// What the spool gave up that no database has.
store::SpoolRows Run::given_up_rows() const {
  const store::SpoolRows by_drain = drain_ ? drain_->given_up() : store::SpoolRows{};
  const store::SpoolRows passed = drain_ ? drain_->passed() : store::SpoolRows{};
  return by_drain + collector_->spool().given_up(passed);
}

load::Ledger Run::final_ledger() {
  load::Ledger ledger = load_ ? load_->state().ledger : load::Ledger{};
  const std::uint64_t refused = drain_ ? drain_->refused().traces : 0;
  ledger.traces_lost += collector_->traces_lost() + refused;
  ledger.traces_lost += given_up_rows().traces;
  const std::uint64_t kept = ledger.traces_made - std::min(ledger.traces_made, ledger.traces_lost);
  std::uint64_t drained = drain_ ? drain_->traces() : 0;
  if (drain_) drained -= std::min(drained, drain_->missing().traces);
  ledger.traces_stored = std::min(drained - std::min(drained, refused), kept);
  ledger.traces_spooled = kept - ledger.traces_stored;
  return ledger;
}

// All traces into the database, then the end record with the books, then the books too.
Result<void> Run::close_books() {
  experiment_.end = wall_now();
  experiment_.status = broken_off_ ? wire::kFailed : wire::kFinished;
  problem_ = broken_off_;
  if (const auto& error = collector_->spool_error())
    notes_.push_back("the spool couldn't be written whole: " + error->to_text());
  if (drain_) {
    drain_->stop();
    drain_rest();
    if (const store::RefusedRows refused = drain_->refused(); refused.rows() > 0)
      notes_.push_back(store::to_text(refused));
  }
  if (const std::uint64_t others = given_up_rows().others + collector_->spool().others_lost();
      others > 0)
    notes_.push_back(fmt::format("{} values and events were lost: the spool had no room for them",
                                 format_count(others)));
  result_.experiment = experiment_;
  result_.ledger = final_ledger();
  result_.generator = load_->use(collector_->summary().due_span());
  for (const std::string& note : load_->notes()) notes_.push_back(note);
  analysis::Evidence evidence{result_.ledger, result_.generator.busiest_loop_share, was_cut_short_};
  if (broken_off_) evidence.broken_off = broken_off_->to_text();
  evidence.doubts = load_->doubts();
  evidence.generator = result_.generator.state;
  evidence.some_dont_tell = !result_.generator.silent.empty();
  if (spool_is_full_)
    evidence.doubts.push_back(
        fmt::format("the run was ended before it was done: its spool took the {} of disk that "
                    "--spool-max allows",
                    format_bytes(static_cast<double>(options_.spool_limit.bytes_max))));
  result_.verdict = judge(collector_->summary(), evidence);
  for (const std::string& expression : plan_.thresholds)
    result_.thresholds.push_back(evaluate(TRY(analysis::parse_threshold(expression)),
                                          collector_->summary(), collector_->telemetry()));
  keep_result();
  return {};
}

// Into the database, what is in the spool; what it doesn't take, or not before the next signal,
// waits there.
void Run::drain_rest() {
  drain_told_ = control_.clock().now();  // one try at a locked database may take seconds
  const auto drained = drain_->finish([this, signals = signals_seen_] {
    control_.run_pending();
    tell_of_drain();
    return signals_seen_ > signals;
  });
  drained_ = drained.ok();
  if (!drained_)
    notes_.push_back("the database didn't take everything, the spool is kept: " +
                     drained.error().to_text());
}

// A database that is slow or away: what is waited for, and how to leave.
void Run::tell_of_drain() {
  const Time now = control_.clock().now();
  if (options_.quiet || now - drain_told_ < std::chrono::seconds{2}) return;
  print_talk(fmt::format("{} of {} traces are in the database; Ctrl-C leaves the rest in {}\n",
                         format_count(drain_->traces()),
                         format_count(load_ ? load_->state().ledger.traces_made : 0), spool_path_));
  drain_told_ = now;
}

void Run::keep_result() {
  bool keep_spool = !drained_ || result_.ledger.traces_spooled > 0;
  analysis::Provenance& from = result_.provenance;
  from.version = options_.version;
  from.seed = plan_.seed;
  from.command = options_.command;
  for (const wire::NodeInfo& info : node_info_) from.host.emplace_back(info.key, info.value);
  from.file_path = plan_.source_path;
  from.file_text = without_secrets_of_text(plan_.source_text);
  from.plan_json = to_json(plan_);
  from.database = database_;
  from.spool = keep_spool ? spool_path_ : "";
  from.report = options_.report;
  result_.notes = notes_;
  result_.fail_on = plan_.limits.fail_on;
  store::SpoolWriter& spool = collector_->spool();
  spool.end(experiment_, analysis::metadata_json(result_));
  const bool closed = keep(spool.close());
  // A database that is away has been waited for once; the end comes behind what is missing there.
  if (closed && drained_) drain_rest();
  is_stored_ = !drain_ || (closed && drained_ && drain_->ended());
  // The count at the very end may have told more.
  if (!is_stored_) result_.ledger = final_ledger();
  keep_spool = keep_spool || !is_stored_ || !closed || !drain_;
  drain_.reset();
  from.spool = keep_spool ? spool_path_ : "";
  result_.notes = notes_;
  if (!keep_spool) store::remove_spool(spool_path_, database_);
  const std::string document =
      analysis::result_json(result_, collector_->summary(), collector_->telemetry());
  if (!options_.json.empty()) keep(write_document(options_.json, document + "\n"));
  if (!options_.report.empty()) keep(analysis::write_report(options_.report, document));
}

// What was measured is told also where it can't be kept: the first reason is the run's problem.
bool Run::keep(const Result<void>& done) {
  if (!done.ok() && !problem_) problem_ = done.error();
  return done.ok();
}

void Run::abandon(const Error& error) {
  if (drain_) drain_->stop();
  experiment_.end = wall_now();
  experiment_.status = wire::kFailed;
  result_.experiment = experiment_;
  result_.notes = {error.to_text()};
  result_.verdict = {analysis::VerdictValue::kInvalid, {error.to_text()}};
  result_.ledger = final_ledger();
  store::SpoolWriter& spool = collector_->spool();
  spool.end(experiment_, analysis::metadata_json(result_));
  if (!spool.close().ok() || !drain_) return;
  drain_rest();
  if (!drained_ || !drain_->ended()) return;
  drain_.reset();  // on the database's disk before the spool goes
  store::remove_spool(spool_path_, database_);
}

RunOutcome Run::outcome() {
  RunOutcome outcome;
  outcome.text = analysis::summary_text(result_, collector_->summary(), options_.colour);
  outcome.verdict = result_.verdict.value;
  outcome.stored = is_stored_;
  outcome.balanced = result_.ledger.balanced();
  outcome.interrupted = signals_seen_ > 0;
  outcome.unreached = result_.ledger.unreached();
  outcome.problem = problem_;
  for (const analysis::ThresholdResult& threshold : result_.thresholds)
    outcome.thresholds_passed = outcome.thresholds_passed && threshold.passed;
  return outcome;
}

}  // namespace

std::uint64_t draw_seed() {
  std::random_device device;
  // Short enough to be typed again.
  return device() % 1'000'000'000u;
}

Result<RunOutcome> run_plan(plan::Plan plan, const RunOptions& options) {
  Run run(std::move(plan), options);
  TRY(run.open_books());
  const auto ran = [&]() -> Result<void> {
    TRY(run.start_applications());
    // After the applications, so that their processes can be watched from the start.
    TRY(run.start_telemetry());
    // Names are resolved only now: an application may be what makes one resolve.
    TRY(run.start_load());
    return run.run_phases();
  }();
  run.stop_sources();
  if (!ran.ok()) {
    run.abandon(ran.error());
    return ran.error();
  }
  TRY(run.close_books());
  return run.outcome();
}

}  // namespace galileo::experiment
