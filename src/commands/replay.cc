// `galileo replay`: looks at a recorded log as `galileo load --replay` would send it, and writes it
// as lines that both of them and others read.
#include "load/replay.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/output.h"
#include "base/text.h"
#include "commands/commands.h"
#include "commands/exit_codes.h"
#include "commands/help_tables.h"
#include "commands/json_output.h"
#include "commands/options.h"
#include "commands/profile_view.h"
#include "commands/replay_flags.h"
#include "commands/replay_view.h"
#include "load/replay_file.h"
#include "wire/request_targets.h"
#include "wire/unix_time.h"

namespace galileo::commands {
namespace {

struct ReplayCommandFlags {
  std::string input;
  std::string output;
  std::string body;
  std::uint64_t seed = 0;
  bool json = false;
  ReplayFlags replay;
};

Result<load::ReplayFile> file_of(const ReplayCommandFlags& flags) {
  return replay_file_of(flags.replay, flags.input, flags.body, flags.seed);
}

int terminal_columns() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

nlohmann::ordered_json json_of_names(const CountedNames& names) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const auto& [name, count] : names) json[name] = count;
  return json;
}

void print_replay_json(const load::Replay& replay, const load::ReplayOptions& options) {
  constexpr std::size_t kPathsInJson = 100;
  const load::ReplayCounts& counts = replay.counts;
  nlohmann::ordered_json skipped = nlohmann::ordered_json::object();
  for (std::size_t i = 0; i < counts.skipped.size(); ++i) {
    if (counts.skipped[i] > 0)
      skipped[std::string(wire::record_fault_text(static_cast<wire::RecordFault>(i)))] =
          counts.skipped[i];
  }
  const auto& entries = replay.list.entries();
  print_json({{"requests", entries.size()},
              {"length_s", to_seconds(entries.back().at)},
              {"records", counts.read},
              {"sent", counts.sent},
              {"skipped", skipped},
              {"log_begins", wire::rfc3339(replay.begins, 3)},
              {"log_length_s", to_seconds(replay.log_length)},
              {"methods", json_of_names(replay_methods(replay.list))},
              {"paths", json_of_names(replay_paths(replay.list, kPathsInJson))},
              {"memory_bytes", replay.list.bytes() + entries.size() * sizeof(double)},
              {"notes", load::replay_notes(replay, options)}});
}

Result<int> show_replay(const ReplayCommandFlags& flags) {
  const load::ReplayFile file = TRY(file_of(flags));
  const load::Replay replay = TRY(load::read_replay(file));
  if (flags.json)
    print_replay_json(replay, file.options);
  else
    print_data(replay_text(flags.input, replay, file.options, chart_columns(terminal_columns())));
  return kFine;
}

Result<int> convert_replay(const ReplayCommandFlags& flags) {
  const load::ReplayFile file = TRY(file_of(flags));
  const load::Replay replay = TRY(load::read_replay(file));
  std::string text;
  wire::RecordedRequest request;
  for (const load::RequestList::Entry& entry : replay.list.entries()) {
    request.clear();
    request.method = replay.list.text(entry.method);
    request.target = replay.list.text(entry.target);
    replay.list.each_header(entry, [&](std::string_view name, std::string_view value) {
      request.headers.emplace_back(name, value);
    });
    request.has_body = entry.body != 0;
    request.body = replay.list.text(entry.body);
    text += wire::target_line(request, entry.at) + "\n";
  }
  TRY(write_document(flags.output, text));
  if (is_stdout(flags.output)) return kFine;
  print_talk(fmt::format("galileo replay: wrote {} requests to {}: {} records read, {} skipped\n",
                         format_count(replay.list.size()), flags.output,
                         format_count(replay.counts.read),
                         format_count(replay.counts.all_skipped())));
  for (const std::string& note : load::replay_notes(replay, file.options))
    print_talk(fmt::format("galileo replay: {}\n", note));
  return kFine;
}

constexpr const char* kReplayExamples =
    "Recorded requests that are sent again at their times by\n"
    "galileo load http://host:port --replay FILE: access logs (nginx, Apache, HAProxy, Envoy, "
    "JSON),\nHAR, GoReplay's .gor, traces of OpenTelemetry; gzipped too.\n\nexamples:\n"
    "  galileo replay show access.log\n"
    "  galileo replay show access.log.1.gz --speed 10 --share 0.1\n"
    "  galileo replay convert recording.har requests.jsonl\n";

}  // namespace

int replay(const Arguments& arguments) {
  ReplayCommandFlags flags;
  CLI::App app(kReplayExamples, "galileo replay");
  app.require_subcommand(1);
  Result<int> (*chosen)(const ReplayCommandFlags&) = nullptr;
  const auto add = [&](const char* name, const char* text,
                       Result<int> (*run)(const ReplayCommandFlags&)) {
    CLI::App* command = app.add_subcommand(name, text);
    command->add_option("FILE", flags.input, "the log, plain or gzipped; -: stdin")->required();
    command->callback([&chosen, run] { chosen = run; });
    return command;
  };
  CLI::App* show = add("show", "show what would be sent of a log, and when", &show_replay);
  CLI::App* convert = add("convert", "write what would be sent as lines of JSON, with their times",
                          &convert_replay);
  convert->add_option("OUTPUT", flags.output, "file; -: stdout")->required();
  show->add_flag("--json", flags.json, "as JSON");
  for (CLI::App* command : {show, convert}) {
    command->add_option("-b,--body", flags.body,
                        "where a method needs a body and the log has none: skip (the request), "
                        "empty, @FILE, or the text itself [empty]");
    command->add_option("--seed", flags.seed, "of all draws")->capture_default_str();
    add_replay_flags(*command, flags.replay, "Options");
    command->footer(help_table_text("log_formats"));
  }
  if (const auto over = parse_options(app, arguments)) return *over;
  const auto done = chosen(flags);
  return done.ok() ? *done : fail("replay", done.error());
}

}  // namespace galileo::commands
