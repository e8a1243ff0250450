// `galileo exp`: what has been kept. One file, since each subcommand is a few lines over a Store;
// the exports are in exp_export.cc.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/text.h"
#include "commands/commands.h"
#include "commands/exit_codes.h"
#include "commands/exp_export.h"
#include "commands/options.h"
#include "commands/run_options.h"
#include "experiment/report.h"
#include "experiment/stored_result.h"
#include "experiment/summary_text.h"
#include "store/drain.h"

namespace galileo::commands {
namespace {

using Json = nlohmann::ordered_json;

struct ExpFlags {
  std::string database;
  std::string id;
  std::vector<std::string> ids;
  std::string output;
  std::string format = "csv";
  bool json = false;
};

// Opens the database, and first takes into it what runs that were cut off have left in their
// spools.
Result<std::unique_ptr<store::Store>> open(const std::string& where) {
  auto opened = TRY(store::open_store(TRY(whole_database(where)), store::OpenMode::kExisting));
  for (const store::Recovered& one : store::recover(*opened))
    fmt::print(stderr, "galileo exp: {}\n", store::to_text(one));
  return opened;
}

// The experiment that was meant: an id, the beginning of just one, or "last".
Result<wire::Experiment> find(store::Store& store, const std::string& id) {
  const std::vector<wire::Experiment> all = TRY(store.experiments());
  std::vector<wire::Experiment> fitting;
  std::vector<std::string> ids;
  for (const wire::Experiment& experiment : all) {
    if (experiment.id == id) return experiment;
    if (experiment.id.rfind(id, 0) == 0) fitting.push_back(experiment);
    ids.push_back(experiment.id);
  }
  if (id == "last" && !all.empty()) return all.back();
  if (fitting.size() == 1) return fitting.front();
  const std::string what = fitting.empty()
                               ? fmt::format("there is no experiment '{}'", id)
                               : fmt::format("{} experiments begin with '{}'", fitting.size(), id);
  if (ids.size() > 10) ids.erase(ids.begin(), ids.end() - 10);
  return Error{ErrorCode::kNotFound,
               what,
               store.where(),
               {},
               ids.empty() ? "it holds none" : hint_for_unknown(id, ids)};
}

std::string time_text(Wall at) {
  if (at == kNoWall) return "-";
  const auto whole = static_cast<std::time_t>(to_unix_seconds(at));
  return fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::localtime(whole));
}

Json json_of(const wire::Experiment& experiment, const store::Counts& counts) {
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

Result<void> list(const ExpFlags& flags) {
  const auto store = TRY(open(flags.database));
  Json all = Json::array();
  std::string text = fmt::format("{:<18} {:<24} {:<10} {:<19} {:>10} {:>8} {:>10}\n", "ID", "NAME",
                                 "STATUS", "START", "TRACES", "FAILED", "TELEMETRY");
  for (const wire::Experiment& experiment : TRY(store->experiments())) {
    const store::Counts counts = TRY(store->counts(experiment.id));
    all.push_back(json_of(experiment, counts));
    text += fmt::format("{:<18} {:<24} {:<10} {:<19} {:>10} {:>8} {:>10}\n", experiment.id,
                        experiment.name, experiment.status, time_text(experiment.start),
                        counts.traces, counts.failed, counts.telemetry);
  }
  if (flags.json)
    fmt::print("{}\n", all.dump(2, ' ', false, Json::error_handler_t::replace));
  else
    fmt::print("{}", text);
  return {};
}

Result<void> show(const ExpFlags& flags) {
  const auto store = TRY(open(flags.database));
  const auto stored = TRY(experiment::load_stored_result(*store, TRY(find(*store, flags.id))));
  if (flags.json)
    fmt::print("{}\n", experiment::result_json(stored->result, stored->summary, stored->telemetry));
  else
    fmt::print("{}", experiment::summary_text(stored->result, stored->summary, colour_allowed(1)));
  return {};
}

Result<void> report(const ExpFlags& flags) {
  const auto store = TRY(open(flags.database));
  const wire::Experiment experiment = TRY(find(*store, flags.id));
  const auto stored = TRY(experiment::load_stored_result(*store, experiment));
  const std::string path = flags.output.empty() ? experiment.id + ".html" : flags.output;
  TRY(experiment::write_report(
      path, experiment::result_json(stored->result, stored->summary, stored->telemetry)));
  fmt::print(stderr, "galileo exp: wrote {}\n", path);
  return {};
}

Result<void> remove(const ExpFlags& flags) {
  const auto store = TRY(open(flags.database));
  // All of them are looked up before the first is removed: a typing error removes nothing.
  std::vector<wire::Experiment> found;
  found.reserve(flags.ids.size());
  for (const std::string& id : flags.ids) found.push_back(TRY(find(*store, id)));
  for (const wire::Experiment& experiment : found) {
    TRY(store->remove(experiment.id));
    fmt::print(stderr, "galileo exp: removed {}\n", experiment.id);
  }
  return {};
}

Result<void> export_tables(const ExpFlags& flags) {
  const auto store = TRY(open(flags.database));
  const wire::Experiment experiment = TRY(find(*store, flags.id));
  const std::string folder = flags.output.empty() ? experiment.id : flags.output;
  TRY(export_experiment(*store, experiment.id, folder, flags.format == "jsonl"));
  fmt::print(stderr, "galileo exp: wrote traces, telemetry, events and nodeinfo to {}\n", folder);
  return {};
}

}  // namespace

int exp(const Arguments& arguments) {
  ExpFlags flags;
  flags.database = default_database();
  CLI::App app(
      "List, show, export, report on and remove experiments.\n\nexamples:\n"
      "  galileo exp ls\n  galileo exp report last --output report.html\n",
      "galileo exp");
  app.require_subcommand(1);
  Result<void> (*chosen)(const ExpFlags&) = nullptr;
  const auto add = [&](const char* name, const char* text, Result<void> (*run)(const ExpFlags&)) {
    CLI::App* command = app.add_subcommand(name, text);
    command->add_option("--db", flags.database, "database or spool file")->capture_default_str();
    command->callback([&chosen, run] { chosen = run; });
    return command;
  };
  const char* id_text = "its id, the beginning of it, or last";
  add("ls", "list the experiments", &list)->add_flag("--json", flags.json, "as JSON");
  CLI::App* shown = add("show", "the summary of one", &show);
  shown->add_option("ID", flags.id, id_text)->required();
  shown->add_flag("--json", flags.json, "the whole result, as JSON");
  add("rm", "remove some, with all that belongs to them", &remove)
      ->add_option("ID", flags.ids, id_text)
      ->required();
  CLI::App* exported = add("export", "write its tables as files", &export_tables);
  exported->add_option("ID", flags.id, id_text)->required();
  exported->add_option("-o,--output", flags.output, "folder [the id]");
  exported->add_option("--format", flags.format, "csv or jsonl")
      ->check(CLI::IsMember({"csv", "jsonl"}))
      ->capture_default_str();
  CLI::App* reported = add("report", "write its HTML report", &report);
  reported->add_option("ID", flags.id, id_text)->required();
  reported->add_option("-o,--output", flags.output, "file [the id and .html]");
  if (const auto over = parse_options(app, arguments)) return *over;
  const auto done = chosen(flags);
  return done.ok() ? static_cast<int>(kFine) : fail("exp", done.error());
}

}  // namespace galileo::commands
