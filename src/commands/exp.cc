// `galileo exp`: what has been kept. One file, since most subcommands are a few lines over a Store;
// comparing, exporting and importing have files of their own.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>

#include "analysis/report.h"
#include "analysis/stored_result.h"
#include "analysis/summary_text.h"
#include "base/output.h"
#include "base/text.h"
#include "base/utf8.h"
#include "commands/commands.h"
#include "commands/exit_codes.h"
#include "commands/exp_api.h"
#include "commands/exp_common.h"
#include "commands/exp_compare.h"
#include "commands/exp_import.h"
#include "commands/long_work.h"
#include "commands/options.h"
#include "commands/pipeline_documents.h"
#include "commands/run_options.h"
#include "net/clock.h"
#include "tables/export.h"
#include "wire/unix_time.h"

namespace galileo::commands {
namespace {

using Json = nlohmann::ordered_json;

struct ExpFlags {
  std::string database;
  std::string id;
  std::vector<std::string> ids;
  std::string output;
  std::string from;
  std::string to;
  tables::ExportOptions exported;
  ImportFlags imported;
  CompareFlags compared;
  PipelineFlags pipeline;
  bool json = false;
};

std::string time_text(Wall at) {
  if (at == kNoWall) return "-";
  const auto whole = static_cast<std::time_t>(to_unix_seconds(at));
  return fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::localtime(whole));
}

Json json_of(const wire::Experiment& experiment, const store::StoredRows& counts) {
  const auto time = [](Wall at) {
    return at == kNoWall ? Json(nullptr) : Json(to_unix_seconds(at));
  };
  return {{"id", experiment.id},
          {"name", experiment.name},
          {"creator", experiment.creator},
          {"status", experiment.status},
          {"created", time(experiment.created)},
          {"start", time(experiment.start)},
          {"end", time(experiment.end)},
          {"traces", counts.traces},
          {"failed", counts.failed},
          {"telemetry", counts.telemetry},
          {"events", counts.events}};
}

Result<int> list(const ExpFlags& flags) {
  const auto store = TRY(open_database(flags.database));
  Json all = Json::array();
  std::string text = fmt::format("{:<18} {:<24} {:<10} {:<19} {:>10} {:>8} {:>10}\n", "ID", "NAME",
                                 "STATUS", "START", "TRACES", "FAILED", "TELEMETRY");
  for (const wire::Experiment& experiment : TRY(store->experiments())) {
    const store::StoredRows counts = TRY(store->counts(experiment.id));
    all.push_back(json_of(experiment, counts));
    text +=
        fmt::format("{:<18} {:<24} {:<10} {:<19} {:>10} {:>8} {:>10}\n", one_line(experiment.id),
                    one_line(experiment.name), one_line(experiment.status),
                    time_text(experiment.start), counts.traces, counts.failed, counts.telemetry);
  }
  if (flags.json)
    print_data(fmt::format("{}\n", all.dump(2, ' ', false, Json::error_handler_t::replace)));
  else
    print_data(text);
  return kFine;
}

Result<int> show(const ExpFlags& flags) {
  const auto store = TRY(open_database(flags.database));
  const auto stored = TRY(read_result(*store, TRY(find_experiment(*store, flags.id)), "exp show"));
  if (auto problem = write_pipeline_documents(flags.pipeline, stored->result, stored->summary))
    return std::move(*problem);
  const bool is_taken = is_stdout(flags.pipeline.junit) || is_stdout(flags.pipeline.markdown);
  if (flags.json)
    print_data(fmt::format("{}\n", analysis::result_json(stored->result, stored->summary,
                                                         stored->telemetry, stored->joined)));
  else if (!is_taken)
    print_data(
        analysis::summary_text(stored->result, stored->summary, stored->joined, colour_allowed(1)));
  return stored->traces_missing > 0 ? kUnbalanced : kFine;
}

Result<int> report(const ExpFlags& flags) {
  const auto store = TRY(open_database(flags.database));
  const wire::Experiment experiment = TRY(find_experiment(*store, flags.id));
  const auto stored = TRY(read_result(*store, experiment, "exp report"));
  const std::string path =
      flags.output.empty() ? TRY(name_by_id(experiment.id, ".html")) : flags.output;
  TRY(analysis::write_report(path, analysis::result_json(stored->result, stored->summary,
                                                         stored->telemetry, stored->joined)));
  if (!is_stdout(path)) print_talk(fmt::format("galileo exp: wrote {}\n", path));
  return tell_missing(experiment.id, stored->traces_missing);
}

Result<int> remove(const ExpFlags& flags) {
  const auto store = TRY(open_database(flags.database));
  TRY(remove_experiments(*store, flags.ids, [](const std::string& id) {
    print_talk(fmt::format("galileo exp: removed {}\n", id));
  }));
  return kFine;
}

Result<int> export_tables(const ExpFlags& flags) {
  const auto store = TRY(open_database(flags.database));
  const wire::Experiment experiment = TRY(find_experiment(*store, flags.id));
  tables::ExportOptions options = flags.exported;
  if (is_stdout(options.folder))
    return Error{ErrorCode::kUsage,
                 "can't export to stdout",
                 {},
                 "the tables are several files",
                 "name a folder by --output"};
  if (options.folder.empty()) options.folder = TRY(name_by_id(experiment.id, ""));
  std::optional<LongWork> work;
  options.on_begin = [&](std::uint64_t rows) { work.emplace("exp export").expect(rows); };
  options.go_on = [&](std::uint64_t rows) { return work->go_on(rows); };
  const std::uint64_t rows = TRY(tables::export_experiment(*store, experiment, options));
  work->ended(rows);
  work.reset();
  print_talk(fmt::format("galileo exp: wrote traces, telemetry, events and nodeinfo to {}\n",
                         options.folder));
  const store::StoredRows counts = TRY(store->counts(experiment.id));
  return tell_missing(experiment.id,
                      analysis::traces_missing(TRY(store->metadata(experiment.id)), counts.traces));
}

Result<int> import_into(const ExpFlags& flags) {
  ImportFlags imported = flags.imported;
  imported.database = flags.database;
  return import_experiments(imported);
}

Result<int> compare_some(const ExpFlags& flags) {
  if (!needs_database(flags.compared)) return compare_experiments(nullptr, flags.compared);
  const auto store = TRY(open_database(flags.database));
  return compare_experiments(store.get(), flags.compared);
}

Result<int> bundle(const ExpFlags& flags) {
  const auto store = TRY(open_database(flags.database));
  return write_bundle(*store, flags.id, flags.output);
}

// Seconds since the epoch; nothing where the flag wasn't given.
Result<std::optional<Wall>> time_of(const char* flag, const std::string& text) {
  if (text.empty()) return std::optional<Wall>();
  const auto at = wire::parse_unix_time(text);
  if (at && *at != kNoWall) return at;
  return Error{
      ErrorCode::kUsage,
      fmt::format("wrong time '{}'", text),
      flag,
      {},
      "give seconds since 1970, as in --from 1795524644.5; galileo exp ls --json has them"};
}

Result<int> touch(const ExpFlags& flags) {
  const auto given_from = TRY(time_of("--from", flags.from));
  const auto given_to = TRY(time_of("--to", flags.to));
  const auto store = TRY(open_database(flags.database));
  const wire::Experiment experiment = TRY(find_experiment(*store, flags.id));
  const Wall from = given_from.value_or(experiment.start);
  const bool is_over = experiment.end != kNoWall;
  const Wall to = given_to.value_or(is_over ? experiment.end : net::RealClock::wall_now());
  if (from == kNoWall)
    return Error{ErrorCode::kUsage, fmt::format("can't tell the time span of {}", experiment.id),
                 store->where(), "the experiment has no start", "give it by --from and --to"};
  if (to < from)
    return Error{ErrorCode::kUsage,
                 "wrong time span",
                 {},
                 fmt::format("it ends at {} before it begins at {}", to_unix_seconds(to),
                             to_unix_seconds(from)),
                 "--from is its begin, --to its end"};
  const std::uint64_t touched = TRY(store->touch_traces(experiment.id, from, to));
  if (flags.json)
    print_data(fmt::format("{}\n", Json{{"id", experiment.id}, {"touched", touched}}.dump()));
  else
    print_data(fmt::format("{} traces are {}'s now\n", format_count(touched), experiment.id));
  return kFine;
}

constexpr const char* kIdText = "its id, the beginning of it, last, or last~1: the one before";

void add_export(CLI::App& command, ExpFlags& flags) {
  command.add_option("ID", flags.id, kIdText)->required();
  command.add_option("-o,--output", flags.exported.folder, "folder [the id]");
  command
      .add_option_function<std::string>(
          "--format",
          [&flags](const std::string& name) {
            flags.exported.format = name == "parquet" ? tables::ExportFormat::kParquet
                                    : name == "jsonl" ? tables::ExportFormat::kJsonLines
                                                      : tables::ExportFormat::kCsv;
          },
          "csv, jsonl or parquet [csv]")
      ->check(CLI::IsMember({"csv", "jsonl", "parquet"}));
  flags.exported.python = environment("galileo_python").value_or("python3");
  command
      .add_option("--python", flags.exported.python,
                  "for parquet: a Python that has the package pyarrow (also galileo_python)")
      ->capture_default_str();
}

void add_import(CLI::App& command, ExpFlags& flags) {
  command
      .add_option("SOURCE", flags.imported.source,
                  "database, spool file, or folder that export wrote (csv, jsonl)")
      ->required();
  command.add_option("ID", flags.imported.ids, "which of its experiments [all]");
  command.add_option("--name", flags.imported.name, "the copy's name [the same]");
  command.add_flag("--replace", flags.imported.replace, "remove experiments of the same ids first");
}

void add_compare(CLI::App& command, ExpFlags& flags) {
  command
      .add_option(
          "ID", flags.compared.sides,
          "an id each, its beginning, \"last\", or a bundle's file; several runs of the same "
          "as A1,A2,A3")
      ->required();
  command
      .add_option("--tolerance", flags.compared.tolerance_pct,
                  "per cent by which a figure may be worse")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command
      .add_option("--spread", flags.compared.spread_pct,
                  "per cent by which runs of the same differ, taken where a side has one run only")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command.add_flag("--force", flags.compared.force,
                   "compare also where loop, rate, request, duration, host, version or verdict "
                   "forbid it");
  command.add_flag("--json", flags.compared.json, "as JSON");
}

void add_touch(CLI::App& command, ExpFlags& flags) {
  command.add_option("ID", flags.id, kIdText)->required();
  command.add_option("--from", flags.from, "seconds since 1970 [its start]");
  command.add_option("--to", flags.to, "seconds since 1970 [its end; now, while it runs]");
  command.add_flag("--json", flags.json, "as JSON");
}

}  // namespace

int exp(const Arguments& arguments) {
  ExpFlags flags;
  flags.database = default_database();
  CLI::App app(
      "List, show, report on, compare, bundle, export, import and remove experiments of a "
      "database;\nsubmit, follow and cancel those of a laboratory's queue.\n\nexamples:\n"
      "  galileo exp ls\n"
      "  galileo exp report last --output report.html\n"
      "  galileo exp compare 202611241200-0a1b last\n"
      "  galileo exp compare 202611241200-0a1b,202611241210-77c2 202611241220-91e0,last\n"
      "  galileo exp bundle last -o base.json && galileo exp compare base.json last\n"
      "  galileo exp export last --format parquet --output tables\n"
      "  galileo exp import old.sqlite --db new.sqlite\n"
      "  galileo exp touch last\n"
      "  galileo exp submit experiment.yaml --wait\n"
      "  galileo exp queue\n",
      "galileo exp");
  app.require_subcommand(1);
  Result<int> (*chosen)(const ExpFlags&) = nullptr;
  const auto add = [&](const char* name, const char* text, Result<int> (*run)(const ExpFlags&)) {
    CLI::App* command = app.add_subcommand(name, text);
    command->add_option("--db", flags.database, "database or spool file")->capture_default_str();
    command->callback([&chosen, run] { chosen = run; });
    return command;
  };
  add("ls", "list the experiments", &list)->add_flag("--json", flags.json, "as JSON");
  CLI::App* shown = add("show", "show an experiment's summary", &show);
  shown->add_option("ID", flags.id, kIdText)->required();
  shown->add_flag("--json", flags.json, "the whole result, as JSON");
  add_pipeline_options(*shown, flags.pipeline);
  add("rm", "remove experiments, with all that belongs to them", &remove)
      ->add_option("ID", flags.ids, kIdText)
      ->required();
  add_export(*add("export", "write an experiment's tables as files", &export_tables), flags);
  add_import(*add("import", "copy experiments from another database, spool or export into this one",
                  &import_into),
             flags);
  add_compare(
      *add("compare",
           "compare two or more experiments, each against the first; 93: a regression, 95: not "
           "comparable",
           &compare_some),
      flags);
  CLI::App* bundled =
      add("bundle", "write what a comparison needs of an experiment into one file", &bundle);
  bundled->add_option("ID", flags.id, kIdText)->required();
  bundled->add_option("-o,--output", flags.output, "file [the id and .json]; -: stdout");
  add_touch(*add("touch", "give an experiment the traces of its time span that have no experiment",
                 &touch),
            flags);
  CLI::App* reported = add("report", "write an experiment's HTML report", &report);
  reported->add_option("ID", flags.id, kIdText)->required();
  reported->add_option("-o,--output", flags.output, "file [the id and .html]; -: stdout");
  ExpApiFlags of_api;
  std::function<Result<int>()> by_api;
  add_api_commands(app, of_api, by_api);
  if (const auto over = parse_options(app, arguments)) return *over;
  const auto done = by_api ? by_api() : chosen(flags);
  return done.ok() ? *done : fail("exp", done.error());
}

}  // namespace galileo::commands
