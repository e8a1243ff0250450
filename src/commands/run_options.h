// What `run` and `load` share: where results go, how the run is shown, and how its outcome becomes
// an exit code.
#pragma once

#include <string>

#include "commands/commands.h"
#include "experiment/plan.h"
#include "experiment/run.h"

namespace CLI {
class App;
}

namespace galileo::commands {

struct OutputOptions {
  std::string database;
  std::string spool_folder;
  std::string report;
  std::string json;
  bool quiet = false;
  bus::Bus* bus = nullptr;  // whose workers send the requests; null: this process does
};

void add_output_options(CLI::App& app, OutputOptions& options);

// Runs the plan, prints the summary on stdout; the exit code.
int run_and_print(const std::string& command, const experiment::Plan& plan,
                  const OutputOptions& output, const Arguments& arguments);

// The database that is meant where --db isn't given.
std::string default_database();

}  // namespace galileo::commands
