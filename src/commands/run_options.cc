#include "commands/run_options.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "base/output.h"
#include "commands/exit_codes.h"
#include "commands/options.h"
#include "store/database_url.h"

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

// The argument as it may be kept with the experiment: of a URL without user and password.
std::string without_user(const std::string& argument) {
  const std::size_t scheme = argument.find("://");
  if (scheme == std::string::npos) return argument;
  const std::size_t end = std::min(argument.find('/', scheme + 3), argument.size());
  const std::size_t at = argument.rfind('@', end);
  if (at == std::string::npos || at < scheme) return argument;
  // A second URL of a mixed database comes behind a comma.
  return argument.substr(0, scheme + 3) + "***@" + without_user(argument.substr(at + 1));
}

}  // namespace

std::string default_database() {
  // A server's driver takes the rest from the environment itself.
  const std::string driver = environment("galileo_expdb_driver").value_or("sqlite");
  if (driver != "sqlite") return driver + ":";
  return environment("galileo_expdb_sqlite_path").value_or("galileo.sqlite");
}

Result<std::string> whole_database(const std::string& given) {
  return store::complete_database_url(given, environment);
}

void add_output_options(CLI::App& app, OutputOptions& options) {
  options.database = default_database();
  app.add_option("--db", options.database,
                 "database: a path, or a URL as in docs/databases.md; none: keep the spool only")
      ->capture_default_str();
  app.add_option("--spool", options.spool_folder, "folder of the spool [beside the database]");
  add_spool_options(app, options.spool, "the run ends, as by a signal");
  app.add_option("--report", options.report, "write the HTML report to this file; -: to stdout");
  app.add_option(
      "--json", options.json,
      "write the whole result to this file; - or none: to stdout, and the summary to stderr");
  app.add_flag("-q,--quiet", options.quiet, "no live view");
}

int run_and_print(const std::string& command, const experiment::Plan& plan,
                  const OutputOptions& output, const Arguments& arguments) {
  experiment::RunOptions options;
  const auto database = whole_database(output.database);
  if (!database.ok()) return fail(command, database.error());
  options.database = *database;
  options.spool_folder = output.spool_folder;
  const auto limit = spool_limit(output.spool);
  if (!limit.ok()) return fail(command, limit.error());
  options.spool_limit = *limit;
  options.report = output.report;
  options.json = output.json;
  if (is_stdout(output.json) && is_stdout(output.report))
    return fail(command, {ErrorCode::kUsage,
                          "--json and --report can't both go to stdout",
                          {},
                          {},
                          "name a file for one of them"});
  options.quiet = output.quiet;
  options.bus = output.bus;
  options.live = isatty(STDERR_FILENO) == 1;
  options.width = terminal_width();
  options.colour = colour_allowed(STDOUT_FILENO);
  options.command = {"galileo", command};
  for (const std::string& argument : arguments) options.command.push_back(without_user(argument));
  options.version = GALILEO_VERSION;
  const auto outcome = experiment::run_plan(plan, options);
  if (!outcome.ok()) return fail(command, outcome.error());
  // A document on stdout is for a program, which would stumble over the summary.
  if (is_stdout(output.json) || is_stdout(output.report))
    print_talk(outcome->text);
  else
    print_data(outcome->text);
  if (outcome->problem) return fail(command, *outcome->problem);
  return code_of(*outcome);
}

}  // namespace galileo::commands
