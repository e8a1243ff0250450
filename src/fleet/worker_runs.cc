// What only controllers of this project ask of a worker: to begin many workloads at one moment, and
// for its report (docs/how-to/fleet.md).
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "bus/keys.h"
#include "fleet/worker.h"
#include "fleet/worker_run.h"
#include "load/replay.h"
#include "telemetry/files.h"
#include "wire/json.h"

namespace galileo::fleet {
namespace {

// A holder renews its lease more often than that (fleet/lease.cc).
constexpr int kLeaseForgotten = 6;

// The worker's own, but for what the order says. What another version may say of statuses beyond
// this one's words is the worker's own then.
load::Limits limits_of(const wire::WorkloadOrder& order, const load::Limits& own) {
  load::Limits limits = own;
  if (!order.fail_on.empty())
    if (const auto fail_on = wire::StatusSet::parse(order.fail_on); fail_on.ok())
      limits.fail_on = *fail_on;
  limits.connect_timeout = order.connect_timeout.value_or(own.connect_timeout);
  limits.head_max = order.head_max.value_or(own.head_max);
  limits.body_max = order.body_max.value_or(own.body_max);
  limits.keep_headers = order.keep_headers.value_or(own.keep_headers);
  limits.keep_response = order.keep_response.value_or(own.keep_response);
  limits.keep_only_failed = order.keep_only_failed.value_or(own.keep_only_failed);
  return limits;
}

load::ArrivalSpec arrival_of(const wire::ArrivalOrder& order) {
  load::ArrivalSpec arrival;
  arrival.kind = order.arrival;
  arrival.parameters = order.parameters;
  if (!order.process.empty()) arrival.process = order.process;
  return arrival;
}

load::Workload workload_of(const wire::WorkloadOrder& order, const wire::StartWorkloads& start,
                           const load::Limits& own) {
  load::Workload workload;
  workload.arrival.kind = order.arrival;
  workload.arrival.parameters = order.parameters;
  if (!order.process.empty()) workload.arrival.process = order.process;
  for (const wire::ArrivalOrder& change : order.changes)
    workload.changes.push_back({change.at, arrival_of(change)});
  workload.fed = order.arrival == wire::kPrerecorded;
  workload.closed_loop = order.closed_loop;
  workload.connections = order.connections;
  workload.requests = order.requests;
  workload.duration = order.duration;
  workload.phase = start.phase;
  workload.run = start.run;
  workload.warmup = order.warmup;
  workload.ahead = order.ahead;
  workload.limits = limits_of(order, own);
  workload.redirects_max = order.redirects;
  workload.draws = load::Workload::Draws{order.seed, order.stream};
  if (order.of > 0) workload.place = load::Workload::Place{order.index, order.of};
  return workload;
}

wire::FiguresReport figures_report(const load::RunFigures& figures) {
  wire::FiguresReport report;
  for (const auto& [name, counts] : figures.checks)
    report.checks[name] = {counts.passed, counts.failed};
  for (const auto& [name, of] : figures.sources)
    report.makers[name] = {of.made,       of.late,  of.late_most, of.failed,
                           of.why_failed, of.ended, of.why_ended};
  for (const auto& [failure, why] : figures.first_failures)
    report.first_failures[std::string(wire::failure_name(failure))] = why;
  return report;
}

// What each loop's ring has been made for.
Result<void> check_kept(const wire::WorkloadOrder& order, const WorkerOptions& options) {
  const std::uint32_t most = options.limits.keep_response;
  if (order.keep_response.value_or(0) <= most) return {};
  return Error{ErrorCode::kUsage,
               fmt::format("worker {} can't keep {} of each answer", options.name,
                           format_bytes(static_cast<double>(*order.keep_response))),
               "limits.keep_response",
               fmt::format("it keeps {} at most", format_bytes(static_cast<double>(most))),
               "start it with a larger --keep-response, or keep less"};
}

std::uint64_t memory_bytes() {
  telemetry::KeptFile status("/proc/self/status");
  return static_cast<std::uint64_t>(
             telemetry::find_number(status.read().value_or(""), "VmRSS:").value_or(0)) *
         1024;
}

}  // namespace

Result<std::string> Worker::start_workloads(const wire::RpcRequest& request) {
  const auto start = TRY(wire::decode_start_workloads(TRY(wire::argument_of(request, 0, "start"))));
  Result<void> begun;
  TRY(on_control([&, this] { begun = begin(start); }));
  TRY(std::move(begun));
  return fmt::format("{}", start.orders.size());
}

// Where the order leaves it to the log, that says when requests are due.
Result<load::Workload> Worker::ordered_workload(const wire::WorkloadOrder& order,
                                                const wire::StartWorkloads& start) {
  load::Workload workload = workload_of(order, start, options_.limits);
  if (order.own_times) {
    const auto& named = clients_.at(order.client_id).requests;
    const TakenRequest* const taken = named ? taken_.find(named->run, named->hash) : nullptr;
    if (!taken) return not_taken(order.client_id);
    workload.fed = false;
    workload.arrival = {};
    workload.arrival.kind = wire::kPrerecorded;
    workload.arrival.recorded_s = load::gaps_of_share(taken->times, order.index, order.of);
  }
  TRY(load::check_workload(workload));
  return workload;
}

// All orders are checked before the first is carried out.
Result<void> Worker::begin(const wire::StartWorkloads& start) {
  std::vector<std::string> ids;
  std::vector<load::Workload> workloads;
  for (const wire::WorkloadOrder& order : start.orders) {
    if (!clients_.contains(order.client_id))
      return Error{ErrorCode::kNotFound,
                   fmt::format("no client is called '{}'", order.client_id),
                   options_.name,
                   {},
                   {}};
    workloads.push_back(TRY(ordered_workload(order, start)));
    TRY(check_kept(order, options_));
    ids.push_back(order.client_id);
  }
  forget_ended_runs(start.run);
  const bool is_new = !runs_.contains(start.run);
  Run& run = runs_[start.run];
  if (is_new) {
    run.began = control_.clock().now();
    run.cpu_before = net::RealClock::process_cpu();
    run.before = engine_->snapshot();
    run.hindered_before = telemetry::read_hindrances(telemetry::Machine{});
  }
  run.claim = start.claim;
  run.lease = start.lease;
  run.owner_seen = control_.clock().now();
  if (run.claim > 0) watches_lease_.set(true);
  for (const load::ClientCounts& counts : TRY(engine_->counts(ids)))
    run.requests_before += counts.requests;
  run.said_done = false;
  log_->assign(start.run, ids);
  const Time at = wall_clock_.monotonic(start.at);
  for (std::size_t i = 0; i < start.orders.size(); ++i) {
    const wire::WorkloadOrder& order = start.orders[i];
    ClientEntry& client = clients_[order.client_id];
    client.run = start.run;
    ++client.workloads;
    // A client that goes on in another phase has made requests that are the run's already.
    if (!run.clients.insert(order.client_id).second)
      run.requests_before -= TRY(engine_->counts({order.client_id})).front().requests;
    run.unanswered.insert(order.client_id);
    TRY(engine_->set_workload({order.client_id}, workloads[i], at + order.start_after));
  }
  return {};
}

void Worker::on_answered(const std::string& client) {
  const auto entry = clients_.find(client);
  if (entry == clients_.end()) return;
  const auto run = runs_.find(entry->second.run);
  if (run == runs_.end()) return;
  run->second.unanswered.erase(client);
  // The controller waits for this: it needn't wait for the next second too.
  if (run->second.unanswered.empty()) publish_report(run->first);
}

// Clients that are gone, or whose workload is over or another run's, are passed over.
Result<std::string> Worker::change_arrivals(const wire::RpcRequest& request) {
  const auto change =
      TRY(wire::decode_change_arrivals(TRY(wire::argument_of(request, 0, "change"))));
  std::vector<std::string> ids;
  Result<void> changed;
  TRY(on_control([&, this] {
    for (const std::string& id : change.client_ids) {
      const auto client = clients_.find(id);
      if (client != clients_.end() && client->second.run == change.run) ids.push_back(id);
    }
    changed = engine_->change_arrival(ids, arrival_of(change.order),
                                      wall_clock_.monotonic(change.at), change.part);
  }));
  TRY(std::move(changed));
  return fmt::format("{}", ids.size());
}

// A pause begins when it is heard of: what became due until then is out. Clients that are gone, or
// another run's, are passed over.
Result<std::string> Worker::pause_run(const wire::RpcRequest& request) {
  const auto pause = TRY(wire::decode_pause_run(TRY(wire::argument_of(request, 0, "pause"))));
  std::vector<std::string> ids;
  Result<void> done;
  TRY(on_control([&, this] {
    for (const std::string& id : pause.client_ids) {
      const auto client = clients_.find(id);
      if (client != clients_.end() && client->second.run == pause.run) ids.push_back(id);
    }
    const Time now = control_.clock().now();
    done = pause.pauses
               ? engine_->pause(ids, now, pause.part)
               : engine_->go_on(ids, std::max(now, wall_clock_.monotonic(pause.at)), pause.part);
  }));
  TRY(std::move(done));
  return fmt::format("{}", ids.size());
}

// No request of the run becomes due any more; those under way go on, or end at once.
Result<std::string> Worker::stop_run(const wire::RpcRequest& request) {
  const std::string name = TRY(wire::decode_text(TRY(wire::argument_of(request, 0, "run"))));
  const auto how = wire::argument_of(request, 1, "ends");
  const bool ends = how.ok() && *how == "true";
  std::size_t stopped = 0;
  TRY(on_control([&, this] {
    const auto run = runs_.find(name);
    if (run == runs_.end()) return;
    // Requests of those that were stopped before may be under way still.
    const auto& asked = ends ? run->second.clients : run->second.unanswered;
    std::vector<std::string> ids;
    for (const std::string& id : asked) {
      if (clients_.contains(id)) ids.push_back(id);
    }
    stopped = ids.size();
    static_cast<void>((ends ? engine_->end_workload(ids) : engine_->stop_workload(ids)).ok());
    run->second.unanswered.clear();
  }));
  return fmt::format("{}", stopped);
}

Result<std::string> Worker::answer_report(const wire::RpcRequest& request) {
  const std::string name = TRY(wire::decode_text(TRY(wire::argument_of(request, 0, "run"))));
  Result<wire::RunReport> made = Error{};
  TRY(on_control([&, this] { made = report(name, false); }));
  return encode(TRY(std::move(made)));
}

Result<wire::RunReport> Worker::report(const std::string& name, bool next) {
  const auto found = runs_.find(name);
  if (found == runs_.end())
    return Error{ErrorCode::kNotFound,
                 fmt::format("no run is called '{}' here", name),
                 options_.name,
                 {},
                 {}};
  const Run& run = found->second;
  wire::RunReport report;
  report.run = name;
  report.worker = options_.name;
  report.boot = boot_;
  report.at = wall_clock_.wall(control_.clock().now());
  report.clients = run.clients.size();
  // The counts first: what is over between the two is counted as in flight, never as missing.
  std::uint64_t made = run.made_by_closed;
  std::vector<std::string> ids;
  for (const std::string& id : run.clients) {
    if (clients_.contains(id)) ids.push_back(id);
  }
  if (const auto counts = engine_->counts(ids); counts.ok()) {
    for (const load::ClientCounts& one : *counts) made += one.requests;
  }
  log_->fill(report, next);
  report.intended = std::max(made - std::min(made, run.requests_before), report.traces_made);
  report.in_flight = report.intended - report.traces_made;
  report.done = run.unanswered.empty() && report.in_flight == 0;
  report.batches_sent = outlet_ ? outlet_->batches_out() : 0;
  report.traces_waiting = log_->traces_written() -
                          std::min(log_->traces_written(), outlet_ ? outlet_->traces_out() : 0);
  report.cpu_s = to_seconds(net::RealClock::process_cpu() - run.cpu_before);
  const double lasted = std::max(1e-9, to_seconds(control_.clock().now() - run.began));
  report.own = own_report(name, run);
  report.busiest_loop_share = to_seconds(report.own->busiest_loop_cpu) / lasted;
  report.rss_bytes = memory_bytes();
  report.figures = figures_report(engine_->figures(name));
  return report;
}

wire::OwnReport Worker::own_report(const std::string& name, const Run& run) {
  const load::OwnTimes times = engine_->own_times(name);
  wire::OwnReport own;
  own.latency = times.latency;
  own.without_own = times.without_own;
  own.without_wait = times.without_wait;
  own.waited = times.waited;
  own.sent_late = times.sent_late;
  own.read_late = times.read_late;
  own.connections_max = options_.limits.connections_max;
  const load::Engine::Snapshot now = engine_->snapshot();
  const load::Engine::Snapshot& before = run.before;
  for (std::size_t i = 0; i < now.loop_cpu.size() && i < before.loop_cpu.size(); ++i) {
    const Duration ran = now.loop_cpu[i] - before.loop_cpu[i];
    const Duration waited = now.loop_waited[i] - before.loop_waited[i];
    own.busiest_loop_cpu = std::max(own.busiest_loop_cpu, ran);
    own.stood_still =
        std::max(own.stood_still, now.loop_stood_still[i] - before.loop_stood_still[i]);
    if (waited < own.waited_for_core) continue;
    own.waited_for_core = waited;
    own.ran = ran;
  }
  own.handshakes = now.handshakes.done - before.handshakes.done;
  own.handshakes_resumed = now.handshakes.resumed - before.handshakes.resumed;
  own.handshakes_unverified = now.handshakes.unverified - before.handshakes.unverified;
  own.handshakes_crl_checked = now.handshakes.crl_checked - before.handshakes.crl_checked;
  own.connections = now.http.connections_made - before.http.connections_made;
  own.requests_http1 = now.http.over_1 - before.http.over_1;
  own.requests_http2 = now.http.over_2 - before.http.over_2;
  own.streams_reset = now.http.given_up - before.http.given_up;
  const telemetry::Hindrances hindered =
      telemetry::read_hindrances(telemetry::Machine{}).since(run.hindered_before);
  own.throttled = hindered.throttled;
  own.throttled_periods = hindered.throttled_periods;
  own.steal_share = hindered.steal_share();
  own.cores = net::usable_cores();
  own.machine_cores = net::machine_cores();
  own.shares_machine = engine_->asks_this_machine();
  return own;
}

// Nobody may order the load of a claim that is over to end, so it ends by itself: at once where
// another has the fleet; else after a moment, since a server that has lost all is told again; and
// where the server is away, when the lease would be over.
void Worker::on_lease(const LeaseSight& sight) {
  const Time now = control_.clock().now();
  bool watches = false;
  for (auto& [name, run] : runs_) {
    if (run.claim == 0) continue;
    if (sight.answered && sight.claim == run.claim) run.owner_seen = now;
    if (!sight.answered || sight.claim == run.claim) run.nobody_since = kNever;
    if (sight.answered && sight.claim != run.claim)
      run.nobody_since = std::min(run.nobody_since, now);
    const bool is_anothers = sight.answered && sight.claim > run.claim;
    const bool is_gone =
        run.nobody_since != kNever && now - run.nobody_since > run.lease / kLeaseForgotten;
    if (is_anothers || is_gone || (!sight.answered && now - run.owner_seen > run.lease))
      end_orphan(name, run);
    else
      watches = true;
  }
  watches_lease_.set(watches);
}

void Worker::end_orphan(const std::string& name, Run& run) {
  run.claim = 0;
  std::vector<std::string> ids;
  for (const std::string& id : run.clients) {
    if (clients_.contains(id)) ids.push_back(id);
  }
  if (ids.empty()) return;
  log(LogLevel::kWarning, "whoever ordered this load is gone: it is ended",
      {{"experiment", name}, {"clients", std::to_string(ids.size())}});
  static_cast<void>(engine_->end_workload(ids).ok());
  for (const std::string& id : ids) close_client(id);
}

// Runs of which nobody is left: their controllers have what they asked for, or are gone.
void Worker::forget_ended_runs(const std::string& but) {
  std::erase_if(runs_, [&](const auto& entry) {
    const auto& [name, run] = entry;
    const bool is_over =
        name != but && std::none_of(run.clients.begin(), run.clients.end(),
                                    [&](const auto& id) { return clients_.contains(id); });
    if (is_over) {
      log_->forget(name);
      engine_->forget_own_times(name);
    }
    return is_over;
  });
}

void Worker::publish_report(const std::string& run) {
  const auto made = report(run, true);
  if (!made.ok()) return;
  runs_[run].said_done = made->done;
  registry_->loop().post([this, message = encode(*made)] {
    // The next second brings the next one.
    static_cast<void>(bus_.publish(bus::kReports, message).ok());
  });
}

// A run that has said that it is done is said no more of.
void Worker::report_all() {
  std::vector<std::string> names;
  for (const auto& [name, run] : runs_) {
    if (!run.said_done) names.push_back(name);
  }
  for (const std::string& name : names) publish_report(name);
}

}  // namespace galileo::fleet
