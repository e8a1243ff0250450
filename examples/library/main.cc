// A run as a call: sends what a plan says to a server, keeps every request in a database, and
// prints a few figures of the result.
//
//   galileo_example HOST:PORT [DATABASE]
#include <cstdio>
#include <string>

#include "analysis/result.h"
#include "base/text.h"
#include "experiment/on_processes.h"
#include "experiment/run.h"
#include "plan/file.h"
#include "store/recording.h"

using namespace galileo;

namespace {

constexpr const char* kPlan = R"(
name: from a program
seed: 7
services: {app: {hosts: {"${TARGET}": 1}}}
clients:
  - {service: app, num: 3, request: {method: get, path: /}, arrival: expovariate(200), requests: 100}
telemetry: {period: 100ms}
thresholds: ["failed == 0"]
)";

// How far it is, as often as is asked for.
class Progress final : public experiment::RunWatcher {
 public:
  std::optional<Duration> state_every() const override { return std::chrono::milliseconds{100}; }
  void on_state(const experiment::RunState& state) override {
    std::fprintf(stderr, "%s: %s answered\n", state.name.c_str(),
                 format_count(state.answered).c_str());
  }
};

int failed(const Error& error) {
  std::fprintf(stderr, "%s\n", error.to_text().c_str());
  return 1;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) return std::fprintf(stderr, "usage: galileo_example HOST:PORT [DATABASE]\n"), 2;

  plan::FileOptions options;
  options.environment = [&](std::string_view name) -> std::optional<std::string> {
    return name == "TARGET" ? std::optional<std::string>(arguments[1]) : std::nullopt;
  };
  const auto plan = plan::parse_plan(kPlan, "main.cc", options);
  if (!plan.ok()) return failed(plan.error());

  store::RecordingOptions kept;
  if (count > 2) kept.database = arguments[2];
  const auto recording = store::Recording::open(kept);
  if (!recording.ok()) return failed(recording.error());

  experiment::Processes processes;  // the plan starts none
  const auto telemetry = experiment::this_machine();
  Progress progress;
  experiment::Stop stop;  // stop.ask() from another thread ends the run in an orderly way
  const auto outcome = experiment::run(
      *plan, {**recording, experiment::on_engine(), processes, *telemetry, progress, stop, {}, 0});
  if (!outcome.ok()) return failed(outcome.error());

  const analysis::RunResult& result = outcome->result;
  const auto p95 = outcome->summary.latencies().all().percentile(0.95);
  std::printf("experiment %s\nverdict %s\nanswered %llu of %llu\np95 %s%s\nstored %llu\n",
              result.experiment.id.c_str(), analysis::verdict_name(result.verdict.value),
              static_cast<unsigned long long>(result.ledger.answered),
              static_cast<unsigned long long>(result.ledger.intended),
              p95 && p95->at_least ? "at least " : "",
              p95 ? format_duration(p95->value).c_str() : "not known",
              static_cast<unsigned long long>(result.ledger.traces_stored));
  return result.ledger.balanced() && outcome->stored ? 0 : 1;
}
