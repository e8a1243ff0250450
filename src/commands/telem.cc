// `galileo telem`: the nodes that publish telemetry, ours and of the old system, and what they say.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/output.h"
#include "base/text.h"
#include "base/utf8.h"
#include "bus/keys.h"
#include "commands/bus_options.h"
#include "commands/commands.h"
#include "commands/exit_codes.h"
#include "commands/json_output.h"
#include "commands/options.h"
#include "commands/telem_table.h"
#include "fleet/telemetry_nodes.h"
#include "net/loop.h"
#include "net/signals.h"
#include "wire/sample_line.h"

namespace galileo::commands {
namespace {

using Json = nlohmann::ordered_json;

struct TelemFlags {
  std::string bus;
  std::vector<std::string> nodes;
  std::string pattern = "*";
  std::string duration;  // of follow; empty: until a signal
  bool json = false;
};

Error nobody(const bus::Bus& bus) {
  return Error{ErrorCode::kUnavailable,
               "no node publishes telemetry",
               bus.where(),
               {},
               "start a daemon on each: galileo telemd"};
}

std::string ram_of(const std::map<std::string, std::string>& info) {
  const auto ram = info.find("ram");
  const auto kib = ram == info.end() ? std::nullopt : parse_number(ram->second);
  return kib ? format_bytes(*kib * 1024) : "-";
}

Result<void> list(const TelemFlags& flags) {
  const auto bus = TRY(connect_bus(flags.bus));
  Json all = Json::array();
  std::string text = fmt::format("{:<24} {:<7} {:>4} {:>10}  {:<24} {}\n", "NODE", "ARCH", "CPUS",
                                 "RAM", "NET", "DISK");
  for (const std::string& node : TRY(fleet::telemetry_nodes(*bus))) {
    const auto info = TRY(bus->hash(bus::node_info_key(node)));
    const auto field = [&](const char* name) {
      const auto found = info.find(name);
      return found == info.end() || found->second.empty() ? std::string("-")
                                                          : one_line(found->second);
    };
    all.push_back({{"node", node}, {"info", info}});
    text += fmt::format("{:<24} {:<7} {:>4} {:>10}  {:<24} {}\n", one_line(node), field("arch"),
                        field("cpus"), ram_of(info), field("net"), field("disk"));
  }
  if (flags.json)
    print_json(all);
  else
    print_data(text);
  return {};
}

Result<void> info(const TelemFlags& flags) {
  const auto bus = TRY(connect_bus(flags.bus));
  const auto nodes = flags.nodes.empty() ? TRY(fleet::telemetry_nodes(*bus)) : flags.nodes;
  if (nodes.empty()) return nobody(*bus);
  Json all = Json::object();
  for (const std::string& node : nodes) {
    const auto info = TRY(bus->hash(bus::node_info_key(node)));
    if (info.empty())
      return Error{ErrorCode::kNotFound,
                   fmt::format("nothing is known of node '{}'", node),
                   bus->where(),
                   {},
                   "see galileo telem ls"};
    all[node] = info;
    if (flags.json) continue;
    print_data(one_line(node) + "\n");
    for (const auto& [name, value] : info)
      print_data(fmt::format("  {:<12} {}\n", one_line(name), one_line(value)));
  }
  if (flags.json) print_json(all);
  return {};
}

Result<void> command_all(const TelemFlags& flags, std::string_view command) {
  const auto bus = TRY(connect_bus(flags.bus));
  const auto nodes = flags.nodes.empty() ? TRY(fleet::telemetry_nodes(*bus)) : flags.nodes;
  if (nodes.empty()) return nobody(*bus);
  const auto silent = TRY(fleet::tell_nodes(*bus, nodes, command));
  for (const std::string& node : nodes) {
    if (!flags.json && std::find(silent.begin(), silent.end(), node) == silent.end())
      print_data(node + "\n");
  }
  if (flags.json) print_json(nodes);
  if (silent.empty()) return {};
  return Error{ErrorCode::kNotFound,
               fmt::format("no daemon listens for node '{}'", silent.front()),
               bus->where(),
               {},
               "see galileo telem ls"};
}

Result<void> pause(const TelemFlags& flags) {
  return command_all(flags, "pause");
}
Result<void> unpause(const TelemFlags& flags) {
  return command_all(flags, "unpause");
}

// Prints a table that is drawn anew twice a second in a terminal, else a line a value.
Result<void> follow(const TelemFlags& flags) {
  constexpr Duration kDrawEvery = std::chrono::milliseconds{500};
  const Duration duration =
      flags.duration.empty() ? Duration{0} : TRY(parse_duration(flags.duration));
  net::Loop control;
  const net::Signals signals(control, [&](int) { control.stop(); });
  const auto bus = TRY(connect_bus(flags.bus));
  const bool table = isatty(STDOUT_FILENO) != 0 && !flags.json;
  TelemTable latest;
  const auto on_value = [&](const std::string& topic, const std::string& text) {
    const auto sample = wire::parse_sample_line(topic, text);
    if (!sample.ok()) return;
    bool shown = true;  // nobody reads any more: there is nothing to follow for
    if (table)
      latest.put(*sample);
    else if (flags.json)
      shown = print_data(
          fmt::format("{}\n", Json{{"node", sample->node},
                                   {"metric", sample->metric},
                                   {"subsystem", sample->subsystem},
                                   {"time", to_unix_seconds(sample->at)},
                                   {"value", sample->value}}
                                  .dump(-1, ' ', false, Json::error_handler_t::replace)));
    else
      shown = print_data(fmt::format("{} {}\n", topic, text));
    if (!shown) control.stop();
  };
  const auto subscription =
      TRY(bus->subscribe({}, {std::string(wire::kTelemetryPrefix) + flags.pattern},
                         [&](std::string_view topic, std::string_view text) {
                           control.post([&on_value, topic = std::string(topic),
                                         text = std::string(text)] { on_value(topic, text); });
                         }));
  net::Timer draw([&](Time now) {
    if (!draw_data(latest.drawn())) return control.stop();
    control.timers().set(draw, now + kDrawEvery);
  });
  net::Timer end([&](Time) { control.stop(); });
  const Time now = control.clock().now();
  if (table) {
    draw_data(TelemTable::begun());
    control.timers().set(draw, now + kDrawEvery);
  }
  if (duration > Duration{0}) control.timers().set(end, now + duration);
  control.run();
  if (table) draw_data(latest.ended());
  return {};
}

}  // namespace

int telem(const Arguments& arguments) {
  TelemFlags flags;
  CLI::App app(
      "See and command the telemetry daemons of nodes, ours and of the old system.\n\nexamples:\n"
      "  galileo telem ls --bus redis://controller:6379\n"
      "  galileo telem follow 'pi-1/*'\n  galileo telem pause pi-1 pi-2\n",
      "galileo telem");
  app.require_subcommand(1);
  Result<void> (*chosen)(const TelemFlags&) = nullptr;
  const auto add = [&](const char* name, const char* text, Result<void> (*run)(const TelemFlags&)) {
    CLI::App* command = app.add_subcommand(name, text);
    add_bus_option(*command, flags.bus);
    command->add_flag("--json", flags.json, "as JSON");
    command->callback([&chosen, run] { chosen = run; });
    return command;
  };
  const char* const kNodes = "nodes [all]";
  add("ls", "list nodes that publish, with what they are", &list);
  add("info", "show all that is known of nodes", &info)->add_option("node", flags.nodes, kNodes);
  add("pause", "let nodes publish nothing", &pause)->add_option("node", flags.nodes, kNodes);
  add("unpause", "let nodes publish again", &unpause)->add_option("node", flags.nodes, kNodes);
  CLI::App* const following =
      add("follow", "show what nodes publish: a live table, or lines in a pipe", &follow);
  following->add_option("pattern", flags.pattern, "NODE/METRIC[/SUBSYSTEM], * for any text")
      ->capture_default_str();
  following->add_option("-d,--duration", flags.duration, "end after that time [until Ctrl-C]");
  if (const auto over = parse_options(app, arguments)) return *over;
  const auto done = chosen(flags);
  return done.ok() ? static_cast<int>(kFine) : fail("telem", done.error());
}

}  // namespace galileo::commands
