#include "commands/run_options.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <optional>

#include "analysis/report.h"
#include "analysis/requirements.h"
#include "analysis/summary_text.h"
#include "base/file.h"
#include "base/output.h"
#include "base/secrets.h"
#include "base/text.h"
#include "commands/exit_codes.h"
#include "commands/metrics_page.h"
#include "commands/options.h"
#include "commands/run_call.h"
#include "commands/terminal_keys.h"
#include "commands/terminal_watcher.h"
#include "experiment/run.h"
#include "net/signals.h"
#include "store/database_url.h"

namespace galileo::commands {
namespace {

constexpr const char* kDriver = "galileo_expdb_driver";

// Where the flags say; the first reason why it can't be.
std::optional<Error> write_documents(const experiment::RunOutcome& outcome,
                                     const OutputOptions& output) {
  std::optional<Error> problem =
      write_pipeline_documents(output.pipeline, outcome.result, outcome.summary);
  if (output.json.empty() && output.report.empty()) return problem;
  const std::string document = document_of(outcome);
  const auto keep = [&](const Result<void>& done) {
    if (!done.ok() && !problem) problem = done.error();
  };
  if (!output.json.empty()) keep(write_document(output.json, document + "\n"));
  if (!output.report.empty()) keep(analysis::write_report(output.report, document));
  return problem;
}

// The documents that were asked for, by their flags.
std::vector<std::pair<const char*, std::string>> documents_of(const OutputOptions& output) {
  return {{"--json", output.json},
          {"--report", output.report},
          {"--junit", output.pipeline.junit},
          {"--markdown", output.pipeline.markdown}};
}

std::vector<std::string> on_stdout(const OutputOptions& output) {
  std::vector<std::string> flags;
  for (const auto& [flag, path] : documents_of(output)) {
    if (is_stdout(path)) flags.emplace_back(flag);
  }
  return flags;
}

// Recording and run, with the signals of this process as its end.
Result<experiment::RunOutcome> run_here(const plan::Plan& plan, const store::RecordingOptions& kept,
                                        const OutputOptions& output,
                                        const analysis::Provenance& provenance) {
  experiment::Stop stop;
  // Before any other thread, so that they all leave signals to it.
  const net::Signals signals(stop.loop(), [&](int) { stop.ask(); });
  TRY(prepare_outputs(output));
  const bool draws = isatty(STDERR_FILENO) == 1;
  TerminalWatcher watcher(output.quiet, draws);
  const auto page_at = TRY(metrics_address(output.metrics));
  std::optional<MetricsPage> page;
  if (page_at) page.emplace(*page_at);
  std::vector<experiment::RunObserver*> observers;
  if (page) observers.push_back(&*page);
  experiment::Steering steering(stop);
  std::optional<TerminalKeys> keys;
  if (!output.quiet && draws) {
    keys.emplace(stop, steering, [&](const std::string& why) { watcher.say(why); });
    if (keys->are_taken()) watcher.offer(kKeysText);
  }
  RunTerms terms;
  terms.observers = std::move(observers);
  terms.steering = &steering;
  terms.waits_for_fleet = output.waits_for_fleet;
  return carry_out(plan, kept, output.bus, provenance, watcher, stop, terms);
}

// The problem that is told on stderr goes before the run's own code.
int print_outcome(const std::string& command, const experiment::RunOutcome& outcome,
                  const OutputOptions& output) {
  const auto unwritten = write_documents(outcome, output);
  const auto& problem = outcome.problem ? outcome.problem : unwritten;
  const int code = problem ? exit_code(problem->code) : code_of(outcome);
  const std::string text = analysis::summary_text(outcome.result, outcome.summary, outcome.joined,
                                                  colour_allowed(STDOUT_FILENO)) +
                           analysis::verdict_line(outcome.result, code);
  // A document on stdout is for a program, which would stumble over the summary.
  on_stdout(output).empty() ? print_data(text) : print_talk(text);
  return problem ? fail(command, *problem) : code;
}

}  // namespace

Result<void> prepare_outputs(const OutputOptions& output) {
  if (const auto flags = on_stdout(output); flags.size() > 1)
    return Error{ErrorCode::kUsage,
                 fmt::format("{} and {} can't both go to stdout", flags[0], flags[1]),
                 {},
                 {},
                 "name a file for one of them"};
  for (const auto& [flag, path] : documents_of(output)) {
    const auto folder = std::filesystem::path(path).parent_path();
    if (!folder.empty()) TRY(make_folders(folder.string()));
    if (!path.empty() && !is_stdout(path)) TRY(check_writable(path));
  }
  return {};
}

Result<store::RecordingOptions> recording_options(const OutputOptions& output) {
  store::RecordingOptions options;
  options.database = TRY(whole_database(output.database));
  options.spool_folder = output.spool_folder;
  options.spool_limit = TRY(spool_limit(output.spool));
  return options;
}

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
  app.add_option(
         "--db", options.database,
         "database: a path, or a URL as in docs/how-to/databases.md; none: keep the spool only")
      ->capture_default_str();
  app.add_option("--spool", options.spool_folder, "folder of the spool [beside the database]");
  add_spool_options(app, options.spool, "the run ends, as by a signal");
  app.add_option("--report", options.report, "write the HTML report to this file; -: to stdout");
  app.add_option(
      "--json", options.json,
      "write the whole result to this file; - or none: to stdout, and the summary to stderr");
  add_pipeline_options(app, options.pipeline);
  app.add_option("--metrics", options.metrics,
                 "host:port or port of a page for Prometheus while the run goes on [none]");
  app.add_flag("-q,--quiet", options.quiet, "no live view");
}

int run_and_print(const std::string& command, const plan::Plan& plan, const OutputOptions& output,
                  const Arguments& arguments) {
  const auto kept = recording_options(output);
  if (!kept.ok()) return fail(command, kept.error());
  analysis::Provenance provenance;
  provenance.version = GALILEO_VERSION;
  provenance.command = {"galileo", command};
  for (std::string& word : without_secrets_of_words(arguments))
    provenance.command.push_back(std::move(word));
  provenance.report = output.report;
  const auto outcome = run_here(plan, *kept, output, provenance);
  if (!outcome.ok()) {
    write_pipeline_error(output.pipeline, plan.name, outcome.error());
    return fail(command, outcome.error());
  }
  return print_outcome(command, *outcome, output);
}

}  // namespace galileo::commands
