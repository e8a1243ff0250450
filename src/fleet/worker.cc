// How a worker lives: made, listening, registered, and stopped in that order backwards. What it is
// told is in worker_commands.cc, what only our controllers ask in worker_runs.cc.
#include "fleet/worker.h"

#include <fmt/format.h>
#include <unistd.h>

#include <future>
#include <mutex>
#include <random>

#include "base/log.h"
#include "base/text.h"
#include "bus/directory.h"
#include "bus/keys.h"
#include "fleet/trace_drain.h"
#include "fleet/trace_publisher.h"
#include "fleet/worker_run.h"
#include "load/request_description.h"
#include "wire/lease.h"

namespace galileo::fleet {
namespace {

constexpr Duration kBeatEvery = std::chrono::milliseconds{500};
// A heartbeat outlives a beat or two that came late; a worker that is gone is seen in 3 s.
constexpr Duration kBeatExpiry = std::chrono::milliseconds{2500};
constexpr Duration kNameRetry = std::chrono::milliseconds{100};
constexpr Duration kReportEvery = std::chrono::seconds{1};
constexpr Duration kControlWait = std::chrono::seconds{5};

std::string draw_boot() {
  std::random_device device;
  return fmt::format("{:08x}", device());
}

}  // namespace

Worker::Worker(net::Loop& control, bus::Bus& bus, WorkerOptions options)
    : control_(control),
      bus_(bus),
      options_(std::move(options)),
      boot_(draw_boot()),
      wall_clock_(net::RealClock().wall_clock()) {}

Worker::~Worker() = default;

Result<std::unique_ptr<Worker>> Worker::make(net::Loop& control, bus::Bus& bus,
                                             WorkerOptions options) {
  std::unique_ptr<Worker> worker(new Worker(control, bus, std::move(options)));
  const WorkerOptions& of = worker->options_;
  TraceLog::Options log;
  log.worker = of.name;
  log.boot = worker->boot_;
  log.folder = of.spool_folder;
  log.loops = load::Engine::threads(of.limits);
  log.created = worker->wall_clock_.wall_origin;
  log.keep = !of.trace_logging.empty();
  log.bytes_max = of.spool_bytes_max;
  log.response_max = of.limits.keep_response;
  log.counts_requests = of.counts_requests;
  if (of.trace_logging == "file") log.segment_bytes = std::uint64_t(-1);
  worker->log_ = TRY(TraceLog::open(log));
  if (of.trace_logging == "redis")
    worker->outlet_ = std::make_unique<TracePublisher>(
        bus, TracePublisher::Options{of.name, worker->boot_, of.spool_folder});
  if (of.trace_logging == "sql")
    worker->outlet_ = TRY(TraceDrain::open(of.database, {of.name, worker->boot_, of.spool_folder}));
  load::Engine::Options engine;
  engine.limits = of.limits;
  engine.other_services = of.routing;
  engine.seed = std::random_device{}() | std::uint64_t{std::random_device{}()} << 32;
  engine.wall_clock = worker->wall_clock_;
  std::vector<load::TraceSink*> sinks;
  for (std::size_t i = 0; i < log.loops; ++i) sinks.push_back(&worker->log_->sink(i));
  worker->engine_ = std::make_unique<load::Engine>(control, engine, sinks);
  return worker;
}

Result<void> Worker::start() {
  // Two workers of one name would obey the same commands and overwrite each other's keys. One that
  // was killed a moment ago is remembered until its last heartbeat has expired.
  const Time until = control_.clock().now() + kBeatExpiry + kBeatEvery;
  bool taken = TRY(bus_.text(bus::worker_heartbeat_key(options_.name))).has_value();
  while (taken && control_.clock().now() < until) {
    net::pause_thread(kNameRetry);
    taken = TRY(bus_.text(bus::worker_heartbeat_key(options_.name))).has_value();
  }
  if (taken)
    return Error{ErrorCode::kUsage, fmt::format("can't register worker '{}'", options_.name),
                 bus_.where(), "a worker of that name is alive there",
                 "give this one another galileo_worker_name, or stop the other"};
  log_->start();
  engine_->set_events(
      {[this](const std::string& client) { publish_done(client); },
       [this](const std::string& client) { on_answered(client); },
       [this](const std::string& client, std::size_t room) { on_hungry(client, room); }});
  registry_ = std::make_unique<net::LoopThread>("registry");
  routes_ = std::make_unique<net::LoopThread>("routes");
  beat_timer_ = std::make_unique<net::Timer>([this](Time now) {
    beat();
    look_at_lease();
    registry_->loop().timers().set(*beat_timer_, now + kBeatEvery);
  });
  unsaid_timer_ = std::make_unique<net::Timer>([this](Time) { publish_unsaid(); });
  report_timer_ = std::make_unique<net::Timer>([this](Time now) {
    report_all();
    tell_of_cut_responses();
    control_.timers().set(*report_timer_, now + kReportEvery);
  });
  bus_.on_connected([this](bool connected) { on_connected(connected); });
  TRY(listen());
  TRY(serve());
  if (outlet_) outlet_->start();
  TRY(register_now({}));
  routes_->loop().post([this] { refresh_routes(); });
  registry_->loop().post([this] {
    beat();
    registry_->loop().timers().set(*beat_timer_, registry_->loop().clock().now() + kBeatEvery);
  });
  control_.timers().set(*report_timer_, control_.clock().now() + kReportEvery);
  return {};
}

Result<void> Worker::listen() {
  std::vector<std::string> channels;
  for (const std::string_view type :
       {wire::RegisterWorkerCommand::kType, wire::CreateClientCommand::kType,
        wire::CloseClientCommand::kType, wire::StartTracingCommand::kType,
        wire::PauseTracingCommand::kType, wire::SetWorkloadCommand::kType,
        wire::StopWorkloadCommand::kType})
    channels.push_back(wire::event_channel(type));
  channels.emplace_back(bus::kRoutingUpdates);
  subscription_ =
      TRY(bus_.subscribe(channels, {}, [this](std::string_view channel, std::string_view message) {
        on_message(channel, message);
      }));
  return {};
}

Worker::Clients Worker::clients() const {
  Clients clients;
  for (const auto& [id, entry] : clients_) clients[id] = encode_bare(entry.description);
  return clients;
}

// Registers, as often as it is asked to: the keys may have gone since, its clients' too. Who hears
// that it is there finds them.
Result<void> Worker::register_now(const Clients& clients) {
  TRY(bus::register_worker(bus_, {options_.name, options_.labels}));
  registered_.set(true);
  TRY(bus::add_clients(bus_, options_.name, clients));
  TRY(bus_.publish(wire::event_channel(wire::RegisterWorkerEvent::kType),
                   encode(wire::RegisterWorkerEvent{options_.name})));
  return {};
}

void Worker::on_connected(bool connected) {
  if (!connected) {
    log(LogLevel::kWarning, "the bus is away; the load goes on", {{"bus", bus_.where()}});
    return;
  }
  log(LogLevel::kInfo, "the bus is there again", {{"bus", bus_.where()}});
  // Another server may have come up, with nothing in it: everything of ours is said again.
  control_.post([this] {
    ++counts_.reconnects;
    if (stopping_.load() || !registry_) return;
    registry_->loop().post([this, clients = clients()] {
      if (!registered_.load()) return;
      beat();  // whoever has looked for it has waited for long
      static_cast<void>(register_now(clients).ok());
    });
    routes_->loop().post([this] { refresh_routes(); });
  });
}

void Worker::beat() {
  wire::Heartbeat heartbeat;
  heartbeat.worker = options_.name;
  heartbeat.boot = boot_;
  heartbeat.version = options_.version;
  heartbeat.pid = getpid();
  heartbeat.at = wall_clock_.wall(registry_->loop().clock().now());
  const std::uint64_t written = log_->traces_written();
  const std::uint64_t out = outlet_ ? outlet_->traces_out() : written;
  heartbeat.traces_waiting = written - std::min(written, out);
  heartbeat.requests = load::kDescriptionVersion;
  const auto beaten = bus_.change(
      {bus::set_text(bus::worker_heartbeat_key(options_.name), encode(heartbeat), kBeatExpiry)});
  note_beat(beaten.ok() ? std::string() : beaten.error().why);
}

void Worker::look_at_lease() {
  if (!watches_lease_.load()) return;
  const auto text = bus_.text(std::string(bus::kFleetLease));
  LeaseSight sight;
  sight.answered = text.ok();
  if (text.ok() && *text) {
    const auto lease = wire::decode_lease(**text);
    if (lease.ok()) sight.claim = lease->claim;
  }
  control_.post([this, sight] {
    if (!stopping_.load()) on_lease(sight);
  });
}

// A server that is there and takes no changes, full or read-only: told once, and when it is over.
// One that is away is told by on_connected().
void Worker::note_beat(const std::string& trouble) {
  if (!trouble.empty()) beats_failed_.add(1);
  if (trouble == beat_trouble_ || (!trouble.empty() && !bus_.connected())) return;
  beat_trouble_ = trouble;
  if (trouble.empty())
    log(LogLevel::kInfo, "the bus takes changes again", {{"bus", bus_.where()}});
  else
    log(LogLevel::kWarning, "the bus takes no changes; the load goes on",
        {{"bus", bus_.where()}, {"why", trouble}});
}

Result<void> Worker::on_control(std::function<void()> task) {
  // Either the task is carried out or it is given up, and whoever wants the other waits for that:
  // what it refers to is the caller's.
  struct Call {
    std::once_flag decided;
    std::promise<void> done;
  };
  auto call = std::make_shared<Call>();
  auto done = call->done.get_future();
  control_.post([task = std::move(task), call] {
    std::call_once(call->decided, task);
    call->done.set_value();
  });
  bool given_up = false;
  if (done.wait_for(kControlWait) != std::future_status::ready)
    std::call_once(call->decided, [&] { given_up = true; });
  if (!given_up) return {};
  return Error{ErrorCode::kUnavailable, "the worker is busy or stopping", options_.name, {}, {}};
}

void Worker::publish(std::string channel, std::string message) {
  registry_->loop().post([this, channel = std::move(channel), message = std::move(message)] {
    unsaid_.push_back({channel, message});
    if (!unsaid_timer_->is_set()) publish_unsaid();
  });
}

// An event is tried until it is out or the worker stops: somebody may wait for it. Heartbeats go
// out meanwhile.
void Worker::publish_unsaid() {
  while (!unsaid_.empty() && !stopping_.load()) {
    if (!bus_.publish(unsaid_.front().channel, unsaid_.front().message).ok()) {
      registry_->loop().timers().set(*unsaid_timer_,
                                     registry_->loop().clock().now() + unsaid_pauses_.next());
      return;
    }
    unsaid_pauses_.begin_anew();
    unsaid_.pop_front();
  }
}

void Worker::publish_done(const std::string& client) {
  publish(wire::event_channel(wire::WorkloadDoneEvent::kType),
          encode(wire::WorkloadDoneEvent{client}));
}

// Once, and how many there were at the end.
void Worker::tell_of_cut_responses() {
  if (told_of_cut_ && !stopping_.load()) return;
  const std::uint64_t cut = engine_->snapshot().responses_cut;
  if (cut == 0) return;
  told_of_cut_ = true;
  log(LogLevel::kWarning, "answers' bodies are cut in their traces; --keep-response says where",
      {{"bodies", fmt::format("{}", cut)},
       {"kept", format_bytes(static_cast<double>(options_.limits.keep_response))}});
}

void Worker::stop(Duration grace, Duration deadline) {
  engine_->stop_sending();
  const Time until = control_.clock().now() + grace;
  while (engine_->snapshot().in_flight > 0 && control_.clock().now() < until) {
    control_.run_pending();
    net::pause_thread(std::chrono::milliseconds{5});
  }
  engine_->end_all();
  control_.run_pending();
  report_all();
  control_.timers().cancel(*report_timer_);
  // Nothing comes in any more; then what is known of us goes.
  stopping_.set(true);
  tell_of_cut_responses();
  subscription_.reset();
  remotes_.clear();
  for (auto& [id, entry] : clients_) entry.info.reset();  // the server outlives what it serves
  rpc_.reset();
  requests_rpc_.reset();
  routes_->join();
  registry_->call([this] {
    registry_->loop().timers().cancel(*beat_timer_);
    registry_->loop().timers().cancel(*unsaid_timer_);
    static_cast<void>(bus::unregister_worker(bus_, options_.name).ok());
    static_cast<void>(
        bus_.change({bus::remove_key(bus::worker_heartbeat_key(options_.name)),
                     bus::publish_in(wire::event_channel(wire::UnregisterWorkerEvent::kType),
                                     encode(wire::UnregisterWorkerEvent{options_.name}))})
            .ok());
  });
  registry_->join();
  engine_->join();
  log_->stop();
  if (outlet_ && !outlet_->stop(deadline))
    log(LogLevel::kWarning, "traces are left in the spool; the next start publishes them",
        {{"folder", options_.spool_folder}});
}

}  // namespace galileo::fleet
