#include "commands/run_call.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "base/counters.h"
#include "bus/fenced.h"
#include "commands/client_apps.h"
#include "commands/exit_codes.h"
#include "commands/options.h"
#include "commands/run_pods.h"
#include "experiment/on_processes.h"
#include "experiment/otlp_exporter.h"
#include "load/app_request.h"
#include "net/tcp.h"
#include "service/keeper.h"
#include "telemetry/machine.h"

namespace galileo::commands {
namespace {

// What programs beside a run find its bus by. Empty where our environment says something else,
// which they would go by.
experiment::Processes::Variables variables_of(const bus::Bus* bus) {
  if (!bus) return {};
  experiment::Processes::Variables variables = bus->variables();
  std::erase_if(variables, [](const auto& one) {
    return one.second.empty() && environment(one.first).value_or("").empty();
  });
  return variables;
}

// A plan whose clients have apps says where those are found by the environment of who runs it.
std::optional<plan::Plan> with_app_settings(const plan::Plan& plan) {
  const auto has_apps = [](const plan::Phase& phase) {
    return std::any_of(phase.clients.begin(), phase.clients.end(),
                       [](const auto& client) { return load::has_app(client.request); });
  };
  if (std::none_of(plan.phases.begin(), plan.phases.end(), has_apps)) return std::nullopt;
  plan::Plan made = plan;
  for (plan::Phase& phase : made.phases) {
    for (load::ClientSpec& client : phase.clients) {
      if (!load::has_app(client.request)) continue;
      for (auto& [name, value] : app_settings())
        client.request.source.parameters.emplace(name, value);
    }
  }
  return made;
}

// Has the fleet once nobody else has it.
Result<void> wait_for_fleet(fleet::FleetLease& lease, const bus::Bus& bus, bool waits,
                            experiment::RunWatcher& watcher, experiment::Stop& stop) {
  constexpr Duration kAskAgain = std::chrono::milliseconds{250};
  while (const auto others = TRY(lease.take())) {
    const std::string who = fleet::to_text(*others, net::RealClock::wall_now());
    if (!waits)
      return Error{ErrorCode::kUnavailable, "the fleet is another's", bus.where(), who,
                   "wait until it is over; without --no-wait the run does"};
    watcher.on_waiting({"the fleet", 0, 0, who, {}});
    net::pause_thread(kAskAgain);
    stop.loop().run_pending();
    if (stop.times() > 0)
      return Error{ErrorCode::kInterrupted, "nothing was run", bus.where(), "the fleet " + who, {}};
  }
  watcher.on_waiting({});
  return {};
}

// A run that has nobody's lease on its fleet, or the caller's.
Result<experiment::RunOutcome> run_with(const plan::Plan& plan, const store::RecordingOptions& kept,
                                        bus::Bus* plain_bus, const fleet::FleetLease* lease,
                                        const analysis::Provenance& provenance,
                                        experiment::RunWatcher& watcher, experiment::Stop& stop,
                                        const RunTerms& terms) {
  std::unique_ptr<bus::Bus> fenced;
  if (lease)
    fenced = bus::make_fenced(*plain_bus, lease->fence(),
                              "the lease of the fleet is over: another may have it by now");
  bus::Bus* const bus = fenced ? fenced.get() : plain_bus;
  const auto recording = TRY(store::Recording::open(kept));
  experiment::Processes processes(variables_of(bus));
  const auto pods = TRY(pods_of(plan, processes, bus));
  const auto telemetry = bus ? experiment::telemetry_of_fleet(*bus) : experiment::this_machine();
  std::unique_ptr<experiment::OtlpExporter> exporter;
  std::vector<experiment::RunObserver*> observers = terms.observers;
  if (plan.otlp) exporter = TRY(experiment::OtlpExporter::make(*plan.otlp, GALILEO_VERSION));
  if (exporter) observers.push_back(exporter.get());
  const std::size_t files = net::raise_open_files_limit();
  const experiment::FleetClaim claim =
      lease ? experiment::FleetClaim{lease->claim(), lease->lasts()} : experiment::FleetClaim{};
  const experiment::RunSetup setup{
      *recording,
      bus ? experiment::on_fleet(*bus, claim) : experiment::on_engine(),
      pods ? *pods : static_cast<experiment::Platform&>(processes),
      *telemetry,
      watcher,
      stop,
      provenance,
      bus ? 0 : files,
      observers,
      terms.steering,
      terms.queued,
      claim.number,
      terms.ending};
  return experiment::run(plan, setup);
}

}  // namespace

Result<experiment::RunOutcome> carry_out(const plan::Plan& given,
                                         const store::RecordingOptions& kept, bus::Bus* bus,
                                         const analysis::Provenance& provenance,
                                         experiment::RunWatcher& watcher, experiment::Stop& stop,
                                         const RunTerms& terms) {
  const std::optional<plan::Plan> with_apps = with_app_settings(given);
  const plan::Plan& plan = with_apps ? *with_apps : given;
  if (!bus || terms.lease)
    return run_with(plan, kept, bus, terms.lease, provenance, watcher, stop, terms);
  RelaxedFlag is_lost;
  fleet::FleetLease lease(*bus, {fleet::make_holder(telemetry::hostname()), "run", plan.name}, [&] {
    is_lost.set(true);
    stop.ask_now();
  });
  TRY(wait_for_fleet(lease, *bus, terms.waits_for_fleet, watcher, stop));
  TRY(service::close_left_clients(*bus, lease.claim()));
  RunTerms own = terms;
  own.ending = [&]() -> std::optional<experiment::Ending> {
    if (is_lost.load())
      return experiment::Ending{wire::kFailed, "the lease of the fleet was lost meanwhile",
                                "galileo run"};
    return terms.ending ? terms.ending() : std::nullopt;
  };
  return run_with(plan, kept, bus, &lease, provenance, watcher, stop, own);
}

int code_of(const experiment::RunOutcome& outcome) {
  const analysis::RunResult& result = outcome.result;
  if (outcome.interrupted) return kEndedBySignal;
  if (!result.ledger.balanced()) return kUnbalanced;
  if (!outcome.stored) return kNotStored;
  if (result.ledger.unreached()) return kUnreachable;
  if (result.verdict.value == analysis::VerdictValue::kInvalid) return kInvalidResult;
  for (const analysis::ThresholdResult& threshold : result.thresholds) {
    if (!threshold.passed) return kThresholdCrossed;
  }
  return kFine;
}

std::string document_of(const experiment::RunOutcome& outcome) {
  return analysis::result_json(outcome.result, outcome.summary, outcome.telemetry, outcome.joined);
}

}  // namespace galileo::commands
