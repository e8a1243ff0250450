// What `run` and `load` share: where results go, how the run is shown, and how its outcome becomes
// an exit code.
#pragma once

#include <string>

#include "base/result.h"
#include "bus/bus.h"
#include "commands/commands.h"
#include "commands/pipeline_documents.h"
#include "commands/spool_options.h"
#include "plan/plan.h"
#include "store/recording.h"

namespace CLI {
class App;
}

namespace galileo::commands {

struct OutputOptions {
  std::string database;
  std::string spool_folder;
  SpoolFlags spool;
  std::string report;
  std::string json;
  PipelineFlags pipeline;
  std::string metrics;  // where to listen for scrapers; empty: nowhere
  bool quiet = false;
  bool waits_for_fleet = true;  // that another has
  bus::Bus* bus = nullptr;      // whose workers send the requests; null: this process does
};

void add_output_options(CLI::App& app, OutputOptions& options);

// Runs the plan, prints the summary on stdout, whose last line is the verdict's; the exit code.
int run_and_print(const std::string& command, const plan::Plan& plan, const OutputOptions& output,
                  const Arguments& arguments);

// What can't be written to ends the run before it begins.
Result<void> prepare_outputs(const OutputOptions& output);
// Where its rows go. kUsage: a database that can't be.
Result<store::RecordingOptions> recording_options(const OutputOptions& output);

// The database that is meant where --db isn't given, as --db would name it.
std::string default_database();
// What --db names, with user, password and what else is missing from the environment.
Result<std::string> whole_database(const std::string& given);

}  // namespace galileo::commands
