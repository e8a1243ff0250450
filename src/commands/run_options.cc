#include "commands/run_options.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "commands/exit_codes.h"
#include "commands/options.h"

namespace galileo::commands {
namespace {

int terminal_width() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

// The worst thing that can be said of the run.
int code_of(const experiment::RunOutcome& outcome) {
  if (outcome.interrupted) return kEndedBySignal;
  if (!outcome.balanced) return kUnbalancedBooks;
  if (outcome.unreached) return kUnreachable;
  if (outcome.verdict == experiment::VerdictValue::kInvalid) return kInvalidResult;
  if (!outcome.thresholds_passed) return kThresholdCrossed;
  return kFine;
}

}  // namespace

std::string default_database() {
  return environment("galileo_expdb_sqlite_path").value_or("galileo.sqlite");
}

void add_output_options(CLI::App& app, OutputOptions& options) {
  options.database = default_database();
  app.add_option("--db", options.database,
                 "database: a path or sqlite:PATH; none: keep the spool only")
      ->capture_default_str();
  app.add_option("--spool", options.spool_folder, "folder of the spool [beside the database]");
  app.add_option("--report", options.report, "write the HTML report to this file");
  app.add_option("--json", options.json, "write the whole result to this file");
  app.add_flag("-q,--quiet", options.quiet, "no live view");
}

int run_and_print(const std::string& command, const experiment::Plan& plan,
                  const OutputOptions& output, const Arguments& arguments) {
  experiment::RunOptions options;
  options.database = output.database;
  options.spool_folder = output.spool_folder;
  options.report = output.report;
  options.json = output.json;
  options.quiet = output.quiet;
  options.bus = output.bus;
  options.live = isatty(STDERR_FILENO) == 1;
  options.width = terminal_width();
  options.colour = colour_allowed(STDOUT_FILENO);
  options.command = {"galileo", command};
  options.command.insert(options.command.end(), arguments.begin(), arguments.end());
  options.version = GALILEO_VERSION;
  const auto outcome = experiment::run_plan(plan, options);
  if (!outcome.ok()) return fail(command, outcome.error());
  fmt::print("{}", outcome->text);
  std::fflush(stdout);
  return code_of(*outcome);
}

}  // namespace galileo::commands
