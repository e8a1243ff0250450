#include "commands/run_call.h"

#include <memory>

#include "commands/exit_codes.h"
#include "commands/options.h"
#include "commands/run_pods.h"
#include "experiment/on_processes.h"
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

}  // namespace

Result<experiment::RunOutcome> carry_out(const plan::Plan& plan,
                                         const store::RecordingOptions& kept, bus::Bus* bus,
                                         const analysis::Provenance& provenance,
                                         experiment::RunWatcher& watcher, experiment::Stop& stop) {
  const auto recording = TRY(store::Recording::open(kept));
  experiment::Processes processes(variables_of(bus));
  const auto pods = TRY(pods_of(plan, processes, bus));
  const auto telemetry = bus ? experiment::telemetry_of_fleet(*bus) : experiment::this_machine();
  const std::size_t files = net::raise_open_files_limit();
  const experiment::RunSetup setup{*recording,
                                   bus ? experiment::on_fleet(*bus) : experiment::on_engine(),
                                   pods ? *pods : static_cast<experiment::Platform&>(processes),
                                   *telemetry,
                                   watcher,
                                   stop,
                                   provenance,
                                   bus ? 0 : files};
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
