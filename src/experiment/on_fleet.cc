// A run on the workers of a fleet: finds them, measures their clocks, sets the routes, spawns each
// phase's clients on them, has all begin at one moment, and takes what comes back (fleet/intake.h).
// Workers of ours get one order each and report their counts; those of the original system are
// spoken to in their own way (experiment/old_workers.h).
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/counters.h"
#include "base/text.h"
#include "bus/directory.h"
#include "bus/keys.h"
#include "bus/rpc.h"
#include "experiment/fleet_accounts.h"
#include "experiment/fleet_orders.h"
#include "experiment/fleet_requests.h"
#include "experiment/load_source.h"
#include "experiment/old_workers.h"
#include "experiment/own_traces.h"
#include "experiment/strangers.h"
#include "fleet/controller.h"
#include "fleet/intake.h"
#include "load/app_request.h"
#include "wire/json.h"
#include "wire/pod_event.h"

namespace galileo::experiment {
namespace {

constexpr Duration kDiscovery = std::chrono::seconds{3};
constexpr Duration kLookAtWorkersEvery = std::chrono::milliseconds{500};
// Longer than a lease takes to be said again.
constexpr Duration kRoutesAgain = std::chrono::milliseconds{250};
constexpr int kRoutesTries = 40;
constexpr Duration kLookAtStrangersEvery = std::chrono::seconds{1};
// So long workers get to find a bus that was away, and to say that they are there.
constexpr Duration kReturn = std::chrono::seconds{5};
constexpr Duration kCall = std::chrono::seconds{3};
// The time from the order to the first request: the orders' way, and some for each client.
constexpr Duration kLead = std::chrono::milliseconds{300};
constexpr Duration kLeadOfClient = std::chrono::microseconds{200};
// After the last request, for traces that are still on their way.
constexpr Duration kMessagesArriveWithin = std::chrono::seconds{15};

bus::Route route_of(const load::ServiceSpec& service) {
  bus::Route route{service.name, {}, {}};
  for (const auto& [host, weight] : service.hosts) {
    route.hosts.push_back(host);
    route.weights.push_back(weight);
  }
  return route;
}

class OnFleet final : public LoadSource {
 public:
  OnFleet(const LoadContext& context, bus::Bus& bus, FleetClaim claim)
      : claim_(claim),
        control_(context.control),
        plan_(context.plan),
        collector_(context.collector),
        bus_(bus),
        id_(context.id),
        controller_(bus),
        requests_(bus, context.plan, context.id),
        old_(
            bus, control_, [this] { check_done(); },
            [this](const Error& error) { trouble_ = error.to_text(); }) {
    own_.limits = plan_.limits;
  }
  ~OnFleet() override { finish(); }

  Result<void> prepare() override;
  Result<void> open() override;
  Result<Time> begin_phase(const plan::Phase& phase, std::function<void()> on_done) override;
  Result<Time> change_arrival(const std::string& client, const load::ArrivalSpec& arrival,
                              const std::string& part) override;
  Result<Time> pause(const std::string& part) override { return pause(true, part); }
  Result<Time> go_on(const std::string& part) override { return pause(false, part); }
  void stop_sending() override;
  void end_all() override;
  LoadState state() override;
  load::Begun begun() override;
  void leave_routes() override { routes_are_ours_ = false; }
  void finish() override;
  analysis::GeneratorUse use(Duration due) override { return use_of(accounts_, due); }
  std::vector<analysis::CheckFigures> checks() override;
  std::vector<std::string> doubts() override;
  std::vector<std::string> notes() override;

 private:
  Result<void> find_workers();
  Result<void> set_routes();
  void restore_own_routes();
  void restore_routes();
  Result<void> listen();
  Result<void> put_known_pods();
  using Clients = std::vector<wire::ClientDescription>;
  Result<Clients> spawn(const load::ClientSpec& spec);
  Result<void> tell_clients(const std::vector<std::string>& ids);
  Result<std::vector<Clients>> spawn_all(const plan::Phase& phase);
  Result<void> push_profile(const std::string& client, const std::vector<double>& entries);
  Result<Time> pause(bool pauses, const std::string& part);
  Result<void> pause_on(const std::string& worker, wire::PauseRun order);
  std::map<std::string, std::vector<std::string>> clients_by_worker() const;
  Result<void> order_ours(const Orders& orders, const std::string& phase, Wall start);
  void on_report(const wire::RunReport& report);
  void on_silent(const std::string& worker);
  void watch(Time now);
  void look_at_strangers();
  void check_done();
  void await_traces();
  void take_received();

  const FleetClaim claim_;
  net::Loop& control_;
  const plan::Plan& plan_;
  Collector& collector_;
  bus::Bus& bus_;
  const std::string id_;
  fleet::Controller controller_;
  FleetAccounts accounts_;
  FleetRequests requests_;
  std::map<std::string, std::string> boots_;
  std::vector<std::pair<std::string, std::optional<bus::Route>>> routes_before_;
  fleet::Intake intake_;
  OwnTraces own_;
  std::unique_ptr<bus::Subscription> subscription_;
  std::vector<wire::ClientDescription> clients_;  // all that were spawned
  std::vector<Clients> first_;  // of the first phase, where they were before it begins
  // Those of the phase: ids by worker, by the name that the plan has for them.
  std::map<std::string, std::map<std::string, std::vector<std::string>>> by_name_;
  std::map<std::string, std::set<std::string>> replays_;  // workers, by the client's name
  std::uint64_t clients_made_ = 0;                        // of all phases: numbers their draws
  std::set<std::string> pending_workers_;                 // of ours, that haven't reported done
  OldWorkers old_;
  Strangers strangers_;
  std::function<void()> on_done_;
  net::Desk watch_;                     // looks for heartbeats
  RelaxedCounter bus_changes_;          // it was lost, or is there again
  std::uint64_t bus_changes_seen_ = 0;  // at the watch's desk, as the next
  net::Timer routes_timer_{[this](Time) { restore_own_routes(); }};
  int routes_tries_ = 0;
  Time look_from_{};
  Time look_at_strangers_{};
  std::vector<std::string> workers_;
  std::set<std::string> clients_seen_;  // at the watch's desk
  std::string trouble_;
  bool begun_ = false;
  bool finished_ = false;
  bool routes_are_ours_ = true;
};

// With pods, the first phase's clients are there before these are made, as the old library has it.
Result<void> OnFleet::prepare() {
  TRY(find_workers());
  TRY(listen());
  if (!plan_.cluster) return {};
  TRY(requests_.send());
  first_ = TRY(spawn_all(plan_.phases.front()));
  return {};
}

Result<void> OnFleet::open() {
  TRY(requests_.send());
  TRY(set_routes());
  TRY(controller_.start_tracing());
  return {};
}

Result<void> OnFleet::find_workers() {
  TRY(controller_.discover(kDiscovery));
  const std::vector<fleet::WorkerStatus> workers = TRY(controller_.workers());
  TRY(requests_.check(workers));
  for (const fleet::WorkerStatus& worker : workers) {
    TRY(check_routers(plan_.services, worker.name, worker.labels));
    WorkerAccount& account = accounts_[worker.name];
    workers_.push_back(worker.name);
    account.is_ours = worker.heartbeat.has_value();
    if (account.is_ours) boots_[worker.name] = worker.heartbeat->boot;
    account.clock = TRY(controller_.measure_clock(worker.name));
    if (!account.clock) continue;
    collector_.put(
        wire::Event{controller_.wall_clock().wall(control_.clock().now()), "fleet/clock",
                    fmt::format("{{\"worker\": {}, \"offset_ns\": {}, "
                                "\"uncertainty_ns\": {}}}",
                                wire::json_text(worker.name), account.clock->offset.count(),
                                account.clock->uncertainty.count())});
  }
  if (accounts_.empty())
    return Error{ErrorCode::kUnavailable, "there are no workers", bus_.where(),
                 fmt::format("none registered within {}", format_duration(kDiscovery)),
                 "start some: galileo worker --bus URL --traces redis"};
  return {};
}

Result<void> OnFleet::listen() {
  TRY(intake_.open(bus_, plan_.telemetry.nodes));
  collector_.attach([this](store::SpoolVisitor& to) {
    own_.pass_to(to);
    intake_.drain(own_);
  });
  bus_.on_connected([this](bool connected) {
    bus_changes_.add(1);
    if (connected)
      control_.post([this] {
        routes_tries_ = kRoutesTries;
        restore_own_routes();
      });
  });
  TRY(put_known_pods());
  const std::string done = OldWorkers::done_channel();
  subscription_ = TRY(
      bus_.subscribe({done, std::string(bus::kReports)}, {},
                     [this, done](std::string_view channel, std::string_view message) {
                       if (channel == done) {
                         old_.take_done(message);
                       } else if (auto report = wire::decode_run_report(message);
                                  report.ok() && report->run == id_) {
                         control_.post([this, report = std::move(*report)] { on_report(report); });
                       }
                     }));
  watch_.start(
      "watch",
      [this](Time now) {
        watch(now);
        return now + kLookAtWorkersEvery;
      },
      control_.clock().now() + kLookAtWorkersEvery);
  return {};
}

// That an adapter had told of before anybody listened here: nobody tells of them again.
Result<void> OnFleet::put_known_pods() {
  const Wall now = controller_.wall_clock().wall(control_.clock().now());
  for (const auto& [uid, event] : TRY(bus_.hash(std::string(bus::kToldPods)))) {
    const std::size_t blank = event.find(' ');
    if (blank == std::string::npos || !wire::is_pod_event(event.substr(0, blank))) continue;
    collector_.put(wire::Event{now, event.substr(0, blank), event.substr(blank + 1)});
  }
  return {};
}

// Runs at the watch's desk: who is silent is dead, whoever it was before. A server that has come up
// again knows of nobody until they have come back to it.
void OnFleet::watch(Time now) {
  if (const std::uint64_t changes = bus_changes_.load();
      !bus_.connected() || changes != bus_changes_seen_) {
    bus_changes_seen_ = changes;
    look_from_ = now + kReturn;
  }
  if (now < look_from_) return;
  if (now >= look_at_strangers_) {
    look_at_strangers_ = now + kLookAtStrangersEvery;
    look_at_strangers();
  }
  for (const auto& [name, boot] : boots_) {
    const auto text = bus_.text(bus::worker_heartbeat_key(name));
    if (!text.ok()) {  // the bus, not the worker
      look_from_ = now + kReturn;
      return;
    }
    const auto heartbeat =
        *text ? wire::decode_heartbeat(**text) : Result<wire::Heartbeat>(Error{});
    if (heartbeat.ok() && heartbeat->boot == boot) continue;
    // A question waits for a bus that is away: it may be another server that has answered, one that
    // knows nobody yet. That the first was lost has been told before, that all is there again is
    // told after.
    if (bus_changes_.load() != bus_changes_seen_) return;
    control_.post([this, worker = name] { on_silent(worker); });
  }
}

// At the same desk.
void OnFleet::look_at_strangers() {
  for (const std::string& worker : workers_) {
    auto ids = bus::client_ids(bus_, worker);
    if (!ids.ok()) return;
    std::erase_if(*ids, [this](const std::string& id) { return !clients_seen_.insert(id).second; });
    if (!ids->empty()) control_.post([this, ids = *std::move(ids)] { strangers_.see(ids); });
  }
}

void OnFleet::on_silent(const std::string& worker) {
  WorkerAccount& account = accounts_[worker];
  if (account.is_dead || finished_) return;
  account.is_dead = true;
  trouble_ = fmt::format("worker {} has died", worker);
  pending_workers_.erase(worker);
  check_done();
}

void OnFleet::on_report(const wire::RunReport& report) {
  take_report(accounts_[report.worker], report);
  if (report.done && pending_workers_.erase(report.worker) > 0) check_done();
}

void OnFleet::check_done() {
  if (!old_.done() || !pending_workers_.empty() || !on_done_) return;
  std::exchange(on_done_, nullptr)();
}

Result<void> OnFleet::set_routes() {
  for (const load::ServiceSpec& service : plan_.services) {
    const bus::Route route = route_of(service);
    if (route.hosts.empty()) continue;
    routes_before_.emplace_back(service.name, TRY(bus::route(bus_, service.name)));
    TRY(bus::set_route(bus_, route));
  }
  return {};
}

// A server that came up again knows nothing of them.
void OnFleet::restore_own_routes() {
  if (finished_ || !routes_are_ours_) return;
  for (const load::ServiceSpec& service : plan_.services) {
    const bus::Route route = route_of(service);
    if (route.hosts.empty()) continue;
    const auto set = bus::set_route(bus_, route);
    if (set.ok()) continue;
    // A server that knows nothing hasn't heard yet whose the fleet is.
    const bool may_be_later = set.error().code == ErrorCode::kInterrupted && routes_tries_-- > 0;
    if (!may_be_later) trouble_ = set.error().to_text();
    if (may_be_later) control_.timers().set(routes_timer_, control_.clock().now() + kRoutesAgain);
    return;
  }
}

// Sets them as they were before, so that a run leaves nothing behind.
void OnFleet::restore_routes() {
  if (!routes_are_ours_) return;
  for (const auto& [service, before] : routes_before_) {
    const auto restored = before ? bus::set_route(bus_, *before) : bus::remove_route(bus_, service);
    if (!restored.ok()) trouble_ = "a route stays: " + restored.error().to_text();
  }
  routes_before_.clear();
}

Result<OnFleet::Clients> OnFleet::spawn(const load::ClientSpec& spec) {
  wire::ClientConfig config;
  config.service = spec.service;
  const bool described = is_described(spec, plan_.limits);
  if (described) {
    config.parameters = requests_.parameters_of(spec);
  } else if (load::has_app(spec.request)) {
    config.client = load::app_of(spec.request);
    config.parameters = load::app_parameters_of(spec.request);
  } else {
    config.parameters = request_parameters(spec.request, plan_.limits);
  }
  config.worker_labels = wire::encode_labels(spec.worker_labels);
  std::set<std::string> dead;
  for (const auto& [worker, account] : accounts_) {
    if (account.is_dead) dead.insert(worker);
  }
  // Who has come since has nothing to make them of.
  for (const bus::WorkerEntry& worker : TRY(bus::workers(bus_))) {
    if (described && !requests_.workers().contains(worker.name)) dead.insert(worker.name);
  }
  const fleet::ClientGroup group =
      TRY(is_shared_out(spec)
              ? controller_.spawn_on_each(
                    config, std::max<std::uint64_t>(1, share_of_replay(spec, 0, 1)), dead)
              : controller_.spawn(config, spec.count, dead));
  clients_.insert(clients_.end(), group.clients().begin(), group.clients().end());
  TRY(tell_clients(group.ids()));
  collector_.at_desk([&] {
    for (const wire::ClientDescription& client : group.clients()) own_.expect(client.client_id);
  });
  return group.clients();
}

// Whoever has the fleet next, if we are killed, closes them; and those that are none of ours are
// seen while the run goes on.
Result<void> OnFleet::tell_clients(const std::vector<std::string>& ids) {
  strangers_.expect(ids);
  if (claim_.number == 0 || ids.empty()) return {};
  TRY(bus_.change({bus::set_add(bus::fleet_clients_key(claim_.number), ids)}));
  return {};
}

// Pushed in order on the left: a client takes from the right.
Result<void> OnFleet::push_profile(const std::string& client, const std::vector<double>& entries) {
  constexpr std::size_t kAtOnce = 10'000;
  for (std::size_t from = 0; from < entries.size(); from += kAtOnce) {
    std::vector<std::string> texts;
    for (std::size_t i = from; i < std::min(entries.size(), from + kAtOnce); ++i)
      texts.push_back(wire::json_real(entries[i]));
    TRY(bus_.change({bus::list_push_left(bus::client_profile_key(client), std::move(texts))}));
  }
  return {};
}

// By the phase's ClientSpecs, with the lists that they go by.
Result<std::vector<OnFleet::Clients>> OnFleet::spawn_all(const plan::Phase& phase) {
  std::vector<Clients> all;
  for (const load::ClientSpec& spec : phase.clients) {
    all.push_back(TRY(spawn(spec)));
    if (is_shared_out(spec)) continue;  // its workers have the log
    for (const wire::ClientDescription& client : all.back())
      TRY(push_profile(client.client_id, spec.arrival.recorded_s));
  }
  return all;
}

Result<Time> OnFleet::begin_phase(const plan::Phase& phase, std::function<void()> on_done) {
  if (std::all_of(accounts_.begin(), accounts_.end(),
                  [](const auto& entry) { return entry.second.is_dead; }))
    return Error{ErrorCode::kUnavailable, fmt::format("can't begin phase '{}'", phase.name),
                 bus_.where(), "all workers have died", "see their logs"};
  Orders orders;
  by_name_.clear();
  std::vector<Clients> spawned = std::exchange(first_, {});
  if (spawned.empty()) spawned = TRY(spawn_all(phase));
  for (std::size_t i = 0; i < phase.clients.size(); ++i) {
    const load::ClientSpec& spec = phase.clients[i];
    std::uint32_t index = 0;
    const auto of = static_cast<std::uint32_t>(spawned[i].size());
    for (const wire::ClientDescription& client : spawned[i]) {
      const std::uint64_t number = clients_made_ + (is_shared_out(spec) ? 0 : index);
      by_name_[spec.name][client.worker].push_back(client.client_id);
      if (is_shared_out(spec))
        replays_[spec.name.substr(spec.name.find(':') + 1)].insert(client.worker);
      if (accounts_[client.worker].is_ours)
        orders.ours[client.worker].push_back(
            order_of(spec, phase, client.client_id, plan_, number, index, of, begun_));
      else
        orders.old.push_back(TRY(old_order_of(spec, phase, client.client_id, plan_, begun_)));
      ++index;
    }
    clients_made_ += spec.count;
  }
  begun_ = true;
  on_done_ = std::move(on_done);
  pending_workers_.clear();
  for (const auto& [worker, list] : orders.ours) pending_workers_.insert(worker);
  old_.order(std::move(orders.old));
  const Time start = control_.clock().now() + kLead + kLeadOfClient * clients_.size();
  TRY(order_ours(orders, phase.name, controller_.wall_clock().wall(start)));
  old_.begin_at(start);
  collector_.at_desk([&] {
    for (const OldOrder& order : old_.orders())
      own_.expect_in(order.command.client_id,
                     {intake_.name_id(phase.name), intake_.name_id("warmup"),
                      controller_.wall_clock().wall(start + order.warmup)});
  });
  return start;
}

Result<void> OnFleet::order_ours(const Orders& orders, const std::string& phase, Wall start) {
  for (const auto& [worker, list] : orders.ours) {
    const auto& clock = accounts_[worker].clock;
    const wire::StartWorkloads order{
        id_,  phase,         start + (clock ? clock->offset : Duration{0}),
        list, claim_.number, claim_.lasts};
    // The JSON of the order is one argument.
    TRY(bus::call(bus_, "Worker.start_workloads:" + worker, "[" + encode(order) + "]", kCall));
  }
  return {};
}

Result<Time> OnFleet::change_arrival(const std::string& client, const load::ArrivalSpec& arrival,
                                     const std::string& part) {
  const Time from = control_.clock().now() + kLead;
  const Wall at = controller_.wall_clock().wall(from);
  for (const auto& [worker, ids] : by_name_[client]) {
    if (accounts_[worker].is_dead) continue;
    const auto& clock = accounts_[worker].clock;
    const wire::ChangeArrivals change{id_, at + (clock ? clock->offset : Duration{0}), ids,
                                      arrival_order(arrival, Duration{0}), part};
    TRY(bus::call(bus_, "Worker.change_arrivals:" + worker, "[" + encode(change) + "]", kCall));
  }
  return from;
}

// Those of the phase whose workers are there.
std::map<std::string, std::vector<std::string>> OnFleet::clients_by_worker() const {
  std::map<std::string, std::vector<std::string>> clients;
  for (const auto& [name, by_worker] : by_name_) {
    for (const auto& [worker, ids] : by_worker) {
      const auto account = accounts_.find(worker);
      if (account != accounts_.end() && account->second.is_dead) continue;
      std::vector<std::string>& all = clients[worker];
      all.insert(all.end(), ids.begin(), ids.end());
    }
  }
  return clients;
}

Result<void> OnFleet::pause_on(const std::string& worker, wire::PauseRun order) {
  if (const auto& clock = accounts_[worker].clock) order.at += clock->offset;
  const auto told = bus::call(bus_, "Worker.pause_run:" + worker, "[" + encode(order) + "]", kCall);
  if (told.ok()) return {};
  return Error{ErrorCode::kUnavailable,
               fmt::format("worker '{}' {}", worker, order.pauses ? "can't pause" : "can't go on"),
               bus_.where(), told.error().to_text(),
               "its version may be older than this can be asked of it"};
}

// All of them or none: one that couldn't leaves nobody paused.
Result<Time> OnFleet::pause(bool pauses, const std::string& part) {
  const auto clients = clients_by_worker();
  for (const auto& [worker, ids] : clients) {
    if (!accounts_[worker].is_ours)
      return Error{ErrorCode::kUsage, "can't pause", bus_.where(),
                   fmt::format("worker '{}' is one of the original system, which can't", worker),
                   "end the run"};
  }
  const Time at = control_.clock().now() + (pauses ? Duration{0} : kLead);
  const Wall wall = controller_.wall_clock().wall(at);
  std::vector<std::string> told;
  for (const auto& [worker, ids] : clients) {
    if (const auto done = pause_on(worker, {id_, wall, ids, pauses, part}); !done.ok()) {
      for (const std::string& other : told)
        static_cast<void>(pause_on(other, {id_, wall, clients.at(other), !pauses, {}}).ok());
      return done.error();
    }
    told.push_back(worker);
  }
  return at;
}

void OnFleet::stop_sending() {
  old_.stop_sending();
  for (const std::string& worker : pending_workers_)
    static_cast<void>(
        bus::call(bus_, "Worker.stop_run:" + worker, "[" + wire::json_text(id_) + "]", kCall).ok());
}

// Those that go on to send were told to stop, or have come to their end; what they wait for ends.
void OnFleet::end_all() {
  for (const std::string& worker : pending_workers_)
    static_cast<void>(bus::call(bus_, "Worker.stop_run:" + worker,
                                fmt::format("[{}, true]", wire::json_text(id_)), kCall)
                          .ok());
  old_.wait_no_more();
  pending_workers_.clear();
  check_done();
}

LoadState OnFleet::state() {
  LoadState state;
  state.ledger = ledger_of(accounts_);
  state.in_flight = in_flight_of(accounts_);
  state.live = live_of(accounts_);
  state.trouble = trouble_;
  return state;
}

// A worker reports once a second; meanwhile its traces tell.
load::Begun OnFleet::begun() {
  take_received();
  return begun_of(accounts_);
}

// Asks each worker for its report until nothing of it is on its way any more.
void OnFleet::await_traces() {
  const Time until = control_.clock().now() + kMessagesArriveWithin;
  std::set<std::string> waited;
  for (const auto& [worker, account] : accounts_) {
    if (account.is_ours && !account.is_dead && begun_) waited.insert(worker);
  }
  while (!waited.empty() && control_.clock().now() < until) {
    for (auto worker = waited.begin(); worker != waited.end();) {
      WorkerAccount& account = accounts_[*worker];
      const auto answer =
          bus::call(bus_, "Worker.report:" + *worker, "[" + wire::json_text(id_) + "]", kCall);
      auto report =
          answer.ok() ? wire::decode_run_report(*answer) : Result<wire::RunReport>(answer.error());
      bool over =
          account.is_dead || (!answer.ok() && (answer.error().code == ErrorCode::kNotFound ||
                                               answer.error().code == ErrorCode::kInterrupted));
      if (report.ok()) {
        account.report = std::move(*report);
        take_received();
        const bool all = account.received.traces_made >= account.report.traces_made;
        over = over || (account.report.in_flight == 0 &&
                        (all || (account.report.traces_waiting == 0 && account.report.done &&
                                 control_.clock().now() > until - kMessagesArriveWithin + kCall)));
      }
      worker = over ? waited.erase(worker) : std::next(worker);
    }
    control_.run_pending();
    if (!waited.empty()) net::pause_thread(std::chrono::milliseconds{20});
  }
}

void OnFleet::take_received() {
  collector_.at_desk([this] {
    for (const auto& [worker, received] : own_.accounts) {
      WorkerAccount& account = accounts_[worker];
      account.received = received.received;
      account.first_late = received.first_late;
    }
  });
}

void OnFleet::finish() {
  if (finished_) return;
  await_traces();
  if (begun_) static_cast<void>(controller_.stop_tracing().ok());
  take_received();
  if (begun_) old_.await_traces(controller_, accounts_, [this] { take_received(); });
  finished_ = true;
  // First its end, then the pointer, which its timer reads.
  watch_.stop();
  control_.timers().cancel(routes_timer_);
  if (!clients_.empty()) {
    fleet::ClientGroup group(controller_, clients_);
    const auto closed = group.close();
    if (!closed.ok()) trouble_ = closed.error().to_text();
    if (closed.ok() && claim_.number > 0)
      static_cast<void>(bus_.change({bus::remove_key(bus::fleet_clients_key(claim_.number))}).ok());
  }
  requests_.forget();
  restore_routes();
  bus_.on_connected({});
  subscription_.reset();
  intake_.close();
  collector_.at_desk([this] {
    if (own_.passes_on()) intake_.finish(own_);
  });
  collector_.attach({});
  take_received();  // what came since counts too
}

// Also of checks that never ran.
std::vector<analysis::CheckFigures> OnFleet::checks() {
  load::RunFigures figures = figures_of(accounts_);
  std::vector<analysis::CheckFigures> checks;
  for (const std::string& name : plan::check_names(plan_)) {
    const load::CheckCounts& counts = figures.checks[name];
    checks.push_back({name, counts.passed, counts.failed});
  }
  return checks;
}

std::vector<std::string> OnFleet::doubts() {
  std::vector<std::string> doubts = doubts_of(accounts_);
  if (auto doubt = strangers_.doubt()) doubts.push_back(*std::move(doubt));
  for (std::string& doubt : load::doubts_of(figures_of(accounts_).sources))
    doubts.push_back(std::move(doubt));
  for (const auto& [worker, account] : accounts_) {
    for (const auto& [name, workers] : replays_) {
      if (account.is_dead && workers.contains(worker))
        doubts.push_back(fmt::format(
            "nobody sent the rest of what was worker {}'s share of {}'s replay: one of {} requests",
            worker, name, workers.size()));
    }
  }
  return doubts;
}

std::vector<std::string> OnFleet::notes() {
  std::vector<std::string> notes = notes_of(accounts_);
  const load::RunFigures figures = figures_of(accounts_);
  for (std::string& note : load::notes_of(figures.sources)) notes.push_back(std::move(note));
  notes.insert(notes.end(), requests_.notes().begin(), requests_.notes().end());
  for (const auto& [failure, why] : figures.first_failures)
    notes.push_back(fmt::format("{}, the first time: {}", wire::failure_name(failure), why));
  if (!plan::verifies_certificates(plan_)) notes.emplace_back(kUnverified);
  const fleet::IntakeCounts counts = intake_.counts();
  if (counts.duplicates > 0)
    notes.push_back(
        fmt::format("{} traces came twice and were left out", format_count(counts.duplicates)));
  if (counts.dropped + counts.malformed > 0)
    notes.push_back(fmt::format("{} messages of the bus couldn't be taken, {} couldn't be read",
                                format_count(counts.dropped), format_count(counts.malformed)));
  if (!trouble_.empty()) notes.push_back(trouble_);
  return notes;
}

}  // namespace

LoadMaker on_fleet(bus::Bus& bus, FleetClaim claim) {
  return [&bus, claim](const LoadContext& context) {
    return std::make_unique<OnFleet>(context, bus, claim);
  };
}

}  // namespace galileo::experiment
