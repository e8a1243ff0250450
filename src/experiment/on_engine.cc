#include <fmt/format.h>

#include "base/file.h"
#include "base/text.h"
#include "experiment/load_source.h"
#include "load/engine.h"
#include "telemetry/files.h"
#include "telemetry/hindrances.h"

namespace galileo::experiment {
namespace {

// So far ahead that no loop has sent a request by then which the change takes back.
constexpr Duration kLeadOfChange = std::chrono::milliseconds{10};

// The most memory that this program has had at once. Not getrusage()'s, which remembers the program
// that started us too.
std::uint64_t memory_most_bytes() {
  telemetry::KeptFile status("/proc/self/status");
  return static_cast<std::uint64_t>(
             telemetry::find_number(status.read().value_or(""), "VmHWM:").value_or(0)) *
         1024;
}

class OnEngine final : public LoadSource {
 public:
  explicit OnEngine(const LoadContext& context)
      : control_(context.control),
        plan_(context.plan),
        collector_(context.collector),
        wall_clock_(context.wall_clock),
        loops_(plan::load_loops(plan_)) {}

  // What applications may make is looked at when they are ready.
  Result<void> prepare() override {
    if (plan_.applications.empty()) TRY(check_tls_files());
    return {};
  }

  // Names are resolved only now: an application may be what makes one resolve.
  Result<void> open() override {
    if (!plan_.applications.empty()) TRY(check_tls_files());
    load::Engine::Options options;
    options.limits = plan_.limits;
    options.limits.threads = loops_;
    options.services = plan_.services;
    options.seed = plan_.seed;
    options.wall_clock = wall_clock_;
    std::vector<load::TraceSink*> sinks;
    for (std::size_t i = 0; i < load::Engine::threads(options.limits); ++i)
      sinks.push_back(&collector_.sink(i));
    engine_ = std::make_unique<load::Engine>(control_, options, sinks);
    TRY(engine_->resolve());
    return prepare_sources();
  }

  Result<Time> begin_phase(const plan::Phase& phase, std::function<void()> on_done) override {
    // Far enough ahead that all loops have their clients ready before the first request is due.
    std::uint64_t clients = 0;
    for (const load::ClientSpec& client : phase.clients) clients += client.count;
    if (began_ == kNever) {
      began_ = control_.clock().now();
      cpu_before_ = net::RealClock::process_cpu();
      hindered_before_ = telemetry::read_hindrances(telemetry::Machine{});
      engine_->set_warmup_until(began_ + plan_.warmup);
    }
    engine_->prepare(phase.clients);
    const Time now = control_.clock().now();
    const Time start = now + std::chrono::milliseconds{5} + std::chrono::microseconds{10} * clients;
    TRY(engine_->begin_phase(phase.name, phase.clients, start, phase.duration, std::move(on_done)));
    return start;
  }

  Result<Time> change_arrival(const std::string& client, const load::ArrivalSpec& arrival,
                              const std::string& part) override {
    const Time from = control_.clock().now() + kLeadOfChange;
    TRY(engine_->change_phase(client, arrival, from, part));
    return from;
  }

  Result<Time> pause(const std::string& part) override {
    const Time at = control_.clock().now();
    engine_->pause_phase(at, part);
    return at;
  }

  Result<Time> go_on(const std::string& part) override {
    const Time at = control_.clock().now() + kLeadOfChange;
    engine_->go_on_phase(at, part);
    return at;
  }

  void stop_sending() override { engine_->stop_sending(); }
  void end_all() override { engine_->end_all(); }

  LoadState state() override {
    if (!over_ && engine_) snapshot_ = engine_->snapshot();
    return {snapshot_.ledger, snapshot_.in_flight, snapshot_.connections, std::nullopt, {}};
  }

  load::Begun begun() override { return engine_->begun(); }

  void finish() override {
    if (over_) return;
    over_ = true;
    if (!engine_) return;
    snapshot_ = engine_->snapshot();
    use_.cpu_s = to_seconds(net::RealClock::process_cpu() - cpu_before_);
    if (began_ != kNever) {
      lasted_ = control_.clock().now() - began_;
      use_.state = look_at_itself();
    }
    engine_->join();
    use_.rss_max_bytes = memory_most_bytes();
    use_.threads = loops_;
    use_.tls = snapshot_.handshakes;
    use_.http = snapshot_.http;
  }

  analysis::GeneratorUse use(Duration due) override {
    analysis::CpuUse used{use_.cpu_s, {}, net::machine_cores()};
    for (const Duration& cpu : snapshot_.loop_cpu)
      used.busiest_loop = std::max(used.busiest_loop, cpu);
    if (use_.state) {
      analysis::take_shares(*use_.state, used,
                            due > Duration{0} ? std::min(due, lasted_) : lasted_);
      use_.busiest_loop_share = use_.state->busiest_loop_share;
    }
    return use_;
  }

  // Also of checks that never ran.
  std::vector<analysis::CheckFigures> checks() override {
    std::vector<analysis::CheckFigures> checks;
    for (const std::string& name : plan::check_names(plan_)) {
      const load::CheckCounts& counts = snapshot_.figures.checks[name];
      checks.push_back({name, counts.passed, counts.failed});
    }
    return checks;
  }

  std::vector<std::string> doubts() override { return load::doubts_of(snapshot_.figures.sources); }

  std::vector<std::string> notes() override {
    std::vector<std::string> notes = notes_of_tls();
    for (std::string& note : load::notes_of(snapshot_.figures.sources))
      notes.push_back(std::move(note));
    for (const std::string& note : source_notes_) notes.push_back(note);
    if (snapshot_.responses_packed > 0)
      notes.push_back(
          fmt::format("the bodies of {} answers are in their traces as they came: they couldn't be "
                      "unpacked",
                      format_count(snapshot_.responses_packed)));
    const std::uint64_t cut = snapshot_.responses_cut;
    if (cut > 0)
      notes.push_back(fmt::format(
          "the bodies of {} answers are cut in their traces: limits.keep_response is {}",
          format_count(cut), format_bytes(static_cast<double>(plan_.limits.keep_response))));
    return notes;
  }

 private:
  Result<void> check_tls_files() const {
    for (const plan::Phase& phase : plan_.phases) {
      for (const load::TlsSettings& tls : load::tls_settings(plan_.services, phase.clients))
        TRY(load::check_tls(tls));
    }
    return {};
  }

  // Of all phases: no file is read while a run goes on.
  Result<void> prepare_sources() {
    for (const plan::Phase& phase : plan_.phases) TRY(engine_->prepare_sources(phase.clients));
    source_notes_ = engine_->source_notes();
    return {};
  }

  std::vector<std::string> notes_of_tls() const {
    std::vector<std::string> notes;
    if (snapshot_.handshakes.unverified > 0 || !plan::verifies_certificates(plan_))
      notes.emplace_back(kUnverified);
    if (const std::string note = note_of_calm(); !note.empty()) notes.push_back(note);
    for (const auto& [failure, why] : snapshot_.figures.first_failures)
      notes.push_back(fmt::format("{}, the first time: {}", wire::failure_name(failure), why));
    return notes;
  }

  // Who resets many streams is told to be calm: the server's ending of connections is our doing.
  std::string note_of_calm() const {
    if (!snapshot_.figures.first_failures.contains(wire::Failure::http2_calm) ||
        lasted_ <= Duration{0})
      return {};
    const std::uint64_t resets = snapshot_.http.given_up;
    if (resets == 0)
      return "the server asked for calm (ENHANCE_YOUR_CALM), though no stream was reset here: "
             "this rate is more than it takes";
    return fmt::format(
        "the server asked for calm (ENHANCE_YOUR_CALM) after {} streams had been reset here, by "
        "time-outs, {:.0f} a second: a longer time-out, or a lower rate, spares it that",
        format_count(resets), static_cast<double>(resets) / to_seconds(lasted_));
  }

  analysis::GeneratorState look_at_itself() {
    const load::OwnTimes own = engine_->own_times();
    analysis::GeneratorState state;
    state.shares = analysis::own_shares(own);
    state.sent_late = own.sent_late;
    state.read_late = own.read_late;
    state.waited = own.waited;
    state.connections_max = plan_.limits.connections_max;
    for (std::size_t i = 0; i < snapshot_.loop_waited.size(); ++i) {
      if (snapshot_.loop_waited[i] < state.waited_for_core) continue;
      state.waited_for_core = snapshot_.loop_waited[i];
      state.ran = snapshot_.loop_cpu[i];
    }
    for (const Duration& still : snapshot_.loop_stood_still)
      state.stood_still = std::max(state.stood_still, still);
    const telemetry::Hindrances hindered =
        telemetry::read_hindrances(telemetry::Machine{}).since(hindered_before_);
    state.throttled_periods = hindered.throttled_periods;
    state.throttled = hindered.throttled;
    state.steal_share = hindered.steal_share();
    state.cores = net::usable_cores();
    state.shares_machine = engine_->asks_this_machine();
    return state;
  }

  net::Loop& control_;
  const plan::Plan& plan_;
  Collector& collector_;
  const WallClock& wall_clock_;
  const unsigned loops_;
  std::unique_ptr<load::Engine> engine_;
  load::Engine::Snapshot snapshot_;
  std::vector<std::string> source_notes_;
  Time began_ = kNever;
  Duration lasted_{0};  // to the last answer
  Duration cpu_before_{0};
  telemetry::Hindrances hindered_before_;
  bool over_ = false;
  analysis::GeneratorUse use_;
};

}  // namespace

LoadMaker on_engine() {
  return [](const LoadContext& context) { return std::make_unique<OnEngine>(context); };
}

}  // namespace galileo::experiment
