// What a service does with the library: two experiments at once in one process, one of which is
// ended from another thread once it has begun.
//
//   galileo_two_runs DATABASE PLAN_TO_STOP PLAN
//
// Prints a line of JSON for each, the stopped one first.
#include <cstdio>
#include <string>
#include <thread>

#include "analysis/verdict.h"
#include "experiment/on_processes.h"
#include "experiment/run.h"
#include "plan/file.h"

using namespace galileo;

namespace {

// Asks for the end once requests have been answered, from a thread that isn't the run's.
class EndsOnceItRuns final : public experiment::RunWatcher {
 public:
  explicit EndsOnceItRuns(experiment::Stop* stop) : stop_(stop) {}
  ~EndsOnceItRuns() override {
    if (asking_.joinable()) asking_.join();
  }

  std::optional<Duration> state_every() const override { return std::chrono::milliseconds{20}; }
  void on_state(const experiment::RunState& state) override {
    ++states_;
    if (!stop_ || state.answered == 0 || asking_.joinable()) return;
    asking_ = std::thread([stop = stop_] { stop->ask(); });
  }
  void on_event(const wire::Event& event) override { events_ += event.name + " "; }
  int states() const { return states_; }
  const std::string& events() const { return events_; }

 private:
  experiment::Stop* stop_;
  std::thread asking_;
  int states_ = 0;
  std::string events_;
};

std::string run_one(const std::string& database, const std::string& path, bool is_stopped) {
  const auto plan = plan::load_plan(path, {});
  if (!plan.ok()) return plan.error().to_text();
  store::RecordingOptions kept;
  kept.database = database;
  const auto recording = store::Recording::open(kept);
  if (!recording.ok()) return recording.error().to_text();
  experiment::Stop stop;
  experiment::Processes processes;
  const auto telemetry = experiment::this_machine();
  EndsOnceItRuns watcher(is_stopped ? &stop : nullptr);
  const experiment::RunSetup setup{
      **recording, experiment::on_engine(), processes, *telemetry, watcher, stop, {}, 0};
  const auto outcome = experiment::run(*plan, setup);
  if (!outcome.ok()) return outcome.error().to_text();
  const load::Ledger& books = outcome->result.ledger;
  char line[500];
  std::snprintf(line, sizeof line,
                R"({"id": "%s", "answered": %llu, "stored": %llu, "balanced": %s, )"
                R"("interrupted": %s, "kept": %s, "states": %d, "events": "%s"})",
                outcome->result.experiment.id.c_str(),
                static_cast<unsigned long long>(books.answered),
                static_cast<unsigned long long>(books.traces_stored),
                books.balanced() ? "true" : "false", outcome->interrupted ? "true" : "false",
                outcome->stored ? "true" : "false", watcher.states(), watcher.events().c_str());
  return line;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 4) return 2;
  std::string stopped;
  std::thread first([&] { stopped = run_one(arguments[1], arguments[2], true); });
  const std::string whole = run_one(arguments[1], arguments[3], false);
  first.join();
  std::printf("%s\n%s\n", stopped.c_str(), whole.c_str());
}
