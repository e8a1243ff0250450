#include "experiment/fleet_accounts.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace galileo::experiment {
namespace {

// The counts that a worker of ours reports.
load::Ledger reported(const WorkerAccount& worker) {
  const wire::RunReport& report = worker.report;
  load::Ledger ledger;
  ledger.intended = report.intended;
  ledger.sent = report.sent + report.in_flight;
  ledger.answered = report.answered;
  ledger.in_flight_at_end = report.in_flight;
  ledger.retried = report.retried;
  for (const auto& [name, count] : report.failures) {
    const wire::Failure failure = wire::failure_named(name);
    // One in flight that was given up has a trace that says so.
    if (failure == wire::Failure::unfinished) ledger.in_flight_at_end += count;
    ledger.failures[static_cast<std::size_t>(failure)] += count;
  }
  // Each request has a trace in the end: what doesn't arrive is lost, wherever that happened.
  ledger.traces_made = report.traces_made + report.in_flight;
  const std::uint64_t arrived = worker.received.traces_made;
  ledger.traces_lost = ledger.traces_made - std::min(ledger.traces_made, arrived);
  return ledger;
}

// The counts that its traces tell; `intended` as far as anybody has said.
load::Ledger arrived(const WorkerAccount& worker, std::uint64_t intended) {
  load::Ledger ledger = worker.received;
  ledger.intended = ledger.traces_made;  // a trace doesn't count what it wasn't made for
  if (intended <= ledger.intended) return ledger;
  const std::uint64_t unknown = intended - ledger.intended;
  ledger.intended += unknown;
  ledger.sent += unknown;
  ledger.in_flight_at_end += unknown;
  ledger.traces_made += unknown;
  ledger.traces_lost += unknown;
  return ledger;
}

// It has sent, and isn't of a version that tells.
bool tells_nothing_of_itself(const WorkerAccount& worker) {
  const bool has_sent =
      worker.received.traces_made > 0 || worker.report.intended > 0 || worker.requests_told > 0;
  return has_sent && !worker.report.own;
}

load::OwnTimes times_of(const wire::OwnReport& own) {
  return {own.latency, own.without_own, own.without_wait, own.waited, own.sent_late, own.read_late};
}

analysis::GeneratorState state_of(const std::string& name, const wire::RunReport& report,
                                  Duration due) {
  const wire::OwnReport& own = *report.own;
  analysis::GeneratorState state;
  state.worker = name;
  state.shares = analysis::own_shares(times_of(own));
  state.sent_late = own.sent_late;
  state.read_late = own.read_late;
  state.waited = own.waited;
  state.connections_max = own.connections_max;
  state.waited_for_core = own.waited_for_core;
  state.ran = own.ran;
  state.stood_still = own.stood_still;
  state.throttled_periods = own.throttled_periods;
  state.throttled = own.throttled;
  state.steal_share = own.steal_share;
  state.cores = own.cores;
  state.shares_machine = own.shares_machine;
  const bool is_known = due > Duration{0};
  analysis::take_shares(state, {report.cpu_s, own.busiest_loop_cpu, own.machine_cores},
                        is_known ? due : report.at - report.started);
  return state;
}

load::Ledger ledger_of(const WorkerAccount& worker) {
  if (worker.is_ours && !worker.is_dead) return reported(worker);
  return arrived(worker, worker.is_ours ? worker.report.intended : worker.requests_told);
}

}  // namespace

// The rate is that of what became due, not of traces: those come when their requests are over.
void take_report(WorkerAccount& worker, const wire::RunReport& report) {
  const wire::RunReport& last = worker.report;
  if (report.number < last.number) return;
  const double between_s = to_seconds(report.at - last.at);
  if (last.at == kNoWall || between_s <= 0)
    worker.offered_rps = static_cast<double>(report.offered_last);
  else
    worker.offered_rps =
        static_cast<double>(report.intended - std::min(report.intended, last.intended)) / between_s;
  worker.report = report;
}

load::Ledger ledger_of(const FleetAccounts& accounts) {
  load::Ledger ledger;
  for (const auto& [name, worker] : accounts) ledger.add(ledger_of(worker));
  return ledger;
}

load::Begun begun_of(const FleetAccounts& accounts) {
  load::Begun begun;
  for (const auto& [name, worker] : accounts) {
    const load::Ledger ledger =
        arrived(worker, worker.is_ours ? worker.report.intended : worker.requests_told);
    begun.intended += ledger.intended;
    begun.sent += ledger.sent;
  }
  return begun;
}

std::uint64_t in_flight_of(const FleetAccounts& accounts) {
  std::uint64_t in_flight = 0;
  for (const auto& [name, worker] : accounts) {
    if (!worker.is_dead) in_flight += worker.report.in_flight;
  }
  return in_flight;
}

analysis::LiveFigures live_of(const FleetAccounts& accounts) {
  analysis::LiveFigures live;
  Histogram latency;
  Histogram dispatch;
  Histogram latency_so_far;
  Histogram dispatch_so_far;
  for (const auto& [name, worker] : accounts) {
    latency_so_far.merge(worker.report.latency);
    dispatch_so_far.merge(worker.report.dispatch_error);
    if (worker.is_dead || worker.report.done) continue;
    live.offered_rps += worker.offered_rps;
    live.achieved_rps += static_cast<double>(worker.report.answered_last);
    live.failed_rps += static_cast<double>(worker.report.failed_last);
    latency.merge(worker.report.latency_last);
    dispatch.merge(worker.report.dispatch_error_last);
  }
  set_times(live, latency, dispatch, latency_so_far, dispatch_so_far);
  return live;
}

analysis::GeneratorUse use_of(const FleetAccounts& accounts, Duration due) {
  analysis::GeneratorUse use;
  std::vector<analysis::GeneratorState> states;
  load::OwnTimes times;
  for (const auto& [name, worker] : accounts) {
    const wire::RunReport& report = worker.report;
    use.cpu_s += report.cpu_s;
    use.rss_max_bytes = std::max(use.rss_max_bytes, report.rss_bytes);
    use.threads += worker.is_ours ? 1 : 0;
    if (report.own) {
      use.tls.done += report.own->handshakes;
      use.tls.resumed += report.own->handshakes_resumed;
      use.tls.unverified += report.own->handshakes_unverified;
      use.tls.crl_checked += report.own->handshakes_crl_checked;
      use.http.add({report.own->connections, report.own->requests_http1, report.own->requests_http2,
                    report.own->streams_reset});
      times.add(times_of(*report.own));
      states.push_back(state_of(name, report, due));
      use.busiest_loop_share = std::max(use.busiest_loop_share, states.back().busiest_loop_share);
      continue;
    }
    use.busiest_loop_share = std::max(use.busiest_loop_share, report.busiest_loop_share);
    if (tells_nothing_of_itself(worker)) use.silent.push_back(name);
  }
  if (!states.empty()) use.state = together(std::move(states), times);
  return use;
}

load::RunFigures figures_of(const FleetAccounts& accounts) {
  load::RunFigures all;
  for (const auto& [name, worker] : accounts) {
    const wire::FiguresReport& told = worker.report.figures;
    load::RunFigures figures;
    for (const auto& [check, counts] : told.checks)
      figures.checks[check] = {counts.passed, counts.failed};
    for (const auto& [maker, of] : told.makers)
      figures.sources[maker] = {of.made,       of.late,  of.late_most, of.failed,
                                of.why_failed, of.ended, of.why_ended};
    for (const auto& [failure, why] : told.first_failures)
      figures.first_failures[wire::failure_named(failure)] =
          fmt::format("{} (worker {})", why, name);
    all.add(figures);
  }
  return all;
}

Duration start_skew_of(const FleetAccounts& accounts) {
  Duration skew{0};
  for (const auto& [name, worker] : accounts) {
    if (worker.clock) skew = std::max(skew, worker.first_late + worker.clock->uncertainty);
  }
  return skew;
}

std::vector<std::string> doubts_of(const FleetAccounts& accounts) {
  std::vector<std::string> doubts;
  for (const auto& [name, worker] : accounts) {
    if (worker.is_dead)
      doubts.push_back(
          fmt::format("worker {} died: {} of its traces arrived, of {} requests nobody knows", name,
                      format_count(worker.received.traces_made),
                      format_count(ledger_of(worker).in_flight_at_end)));
  }
  return doubts;
}

std::vector<std::string> notes_of(const FleetAccounts& accounts) {
  std::vector<std::string> notes;
  std::string clocks;
  for (const auto& [name, worker] : accounts) {
    if (worker.clock)
      clocks += fmt::format("{}{} {}{} ± {}", clocks.empty() ? "" : ", ", name,
                            worker.clock->offset < Duration{0} ? "-" : "+",
                            format_duration(std::chrono::abs(worker.clock->offset)),
                            format_duration(worker.clock->uncertainty));
    if (tells_nothing_of_itself(worker))
      notes.push_back(fmt::format(
          "worker {} doesn't tell its own share: whether it read answers late, or was kept from "
          "its work, the verdict doesn't know",
          name));
    if (!worker.is_ours)
      notes.push_back(
          fmt::format("worker {} is of the old system: its books are what its traces say", name));
  }
  if (!clocks.empty()) {
    notes.push_back("clocks of the workers against this one: " + clocks);
    notes.push_back(fmt::format("the workers began within {} of each other",
                                format_duration(start_skew_of(accounts))));
  }
  return notes;
}

}  // namespace galileo::experiment
