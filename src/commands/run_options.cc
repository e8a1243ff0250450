#include "commands/run_options.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "base/output.h"
#include "base/secrets.h"
#include "base/text.h"
#include "commands/exit_codes.h"
#include "commands/options.h"
#include "store/database_url.h"

namespace galileo::commands {
namespace {

constexpr const char* kDriver = "galileo_expdb_driver";

// The worst thing that can be said of the run.
int code_of(const experiment::RunOutcome& outcome) {
  if (outcome.interrupted) return kEndedBySignal;
  if (!outcome.balanced) return kUnbalancedBooks;
  if (!outcome.stored) return kNotStored;
  if (outcome.unreached) return kUnreachable;
  if (outcome.verdict == analysis::VerdictValue::kInvalid) return kInvalidResult;
  if (!outcome.thresholds_passed) return kThresholdCrossed;
  return kFine;
}

}  // namespace

std::string default_database() {
  // A server's driver takes the rest from the environment itself.
  const std::string driver = said({}, "--db", kDriver, "sqlite").value;
  if (driver != "sqlite") return driver + ":";
  return said({}, "--db", "galileo_expdb_sqlite_path", "galileo.sqlite").value;
}

Result<std::string> whole_database(const std::string& given) {
  const std::string driver = said({}, "--db", kDriver).value;
  if (!driver.empty() && given == driver + ":") {
    const std::vector<std::string> drivers{"sqlite", "mysql", "influxdb", "mixed"};
    if (std::find(drivers.begin(), drivers.end(), driver) == drivers.end())
      return Error{ErrorCode::kUsage,
                   fmt::format("'{}' is no driver of a database", driver),
                   kDriver,
                   {},
                   hint_for_unknown(driver, drivers)};
  }
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

int run_and_print(const std::string& command, const plan::Plan& plan, const OutputOptions& output,
                  const Arguments& arguments) {
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
  options.colour = colour_allowed(STDOUT_FILENO);
  options.command = {"galileo", command};
  for (std::string& word : without_secrets_of_words(arguments))
    options.command.push_back(std::move(word));
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
