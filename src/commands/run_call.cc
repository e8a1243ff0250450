#include "commands/run_call.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "commands/client_apps.h"
#include "commands/exit_codes.h"
#include "commands/options.h"
#include "commands/run_pods.h"
#include "experiment/on_processes.h"
#include "experiment/otlp_exporter.h"
#include "load/app_request.h"
#include "net/tcp.h"

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

}  // namespace

Result<experiment::RunOutcome> carry_out(const plan::Plan& given,
                                         const store::RecordingOptions& kept, bus::Bus* bus,
                                         const analysis::Provenance& provenance,
                                         experiment::RunWatcher& watcher, experiment::Stop& stop,
                                         const std::vector<experiment::RunObserver*>& observers,
                                         experiment::Steering* steering) {
  const std::optional<plan::Plan> with_apps = with_app_settings(given);
  const plan::Plan& plan = with_apps ? *with_apps : given;
  const auto recording = TRY(store::Recording::open(kept));
  experiment::Processes processes(variables_of(bus));
  const auto pods = TRY(pods_of(plan, processes, bus));
  const auto telemetry = bus ? experiment::telemetry_of_fleet(*bus) : experiment::this_machine();
  std::unique_ptr<experiment::OtlpExporter> exporter;
  std::vector<experiment::RunObserver*> all_observers = observers;
  if (plan.otlp) exporter = TRY(experiment::OtlpExporter::make(*plan.otlp, GALILEO_VERSION));
  if (exporter) all_observers.push_back(exporter.get());
  const std::size_t files = net::raise_open_files_limit();
  const experiment::RunSetup setup{*recording,
                                   bus ? experiment::on_fleet(*bus) : experiment::on_engine(),
                                   pods ? *pods : static_cast<experiment::Platform&>(processes),
                                   *telemetry,
                                   watcher,
                                   stop,
                                   provenance,
                                   bus ? 0 : files,
                                   all_observers,
                                   steering};
  return experiment::run(plan, setup);
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
