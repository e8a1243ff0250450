// `galileo workers`: who is there to send requests, of ours and of the old system.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/output.h"
#include "base/text.h"
#include "base/utf8.h"
#include "commands/bus_options.h"
#include "commands/commands.h"
#include "commands/exit_codes.h"
#include "commands/json_output.h"
#include "commands/options.h"
#include "fleet/controller.h"

namespace galileo::commands {
namespace {

using Json = nlohmann::ordered_json;

struct WorkersFlags {
  std::string bus;
  std::string timeout = "5s";
  bool json = false;
};

Json json_of(const fleet::WorkerStatus& worker) {
  Json heartbeat = nullptr;
  if (const auto& beat = worker.heartbeat)
    heartbeat = {{"version", beat->version},
                 {"boot", beat->boot},
                 {"pid", beat->pid},
                 {"at", to_unix_seconds(beat->at)},
                 {"traces_waiting", beat->traces_waiting}};
  return {{"name", worker.name},
          {"clients", worker.clients},
          {"labels", worker.labels},
          {"alive", worker.alive},
          {"heartbeat", heartbeat}};
}

// Pods' names are long: the first column is as wide as the longest.
std::string line_of(const fleet::WorkerStatus& worker, std::size_t width) {
  std::string version = "-";
  std::string boot = "-";
  std::string at = "-";
  if (const auto& beat = worker.heartbeat) {
    version = beat->version;
    boot = beat->boot;
    if (beat->at != kNoWall)
      at = fmt::format("{:%H:%M:%S}",
                       fmt::localtime(static_cast<std::time_t>(to_unix_seconds(beat->at))));
  }
  std::vector<std::string> labels;
  for (const auto& [label, value] : worker.labels)
    labels.push_back(one_line(fmt::format("{}={}", label, value)));
  return fmt::format("{:<{}} {:>7}  {:<5}  {:<9} {:<10} {:<9}  {}\n", one_line(worker.name), width,
                     worker.clients, worker.alive ? "alive" : "dead", one_line(version),
                     one_line(boot), at, fmt::join(labels, " "));
}

Result<void> list(const WorkersFlags& flags) {
  const auto bus = TRY(connect_bus(flags.bus));
  Json all = Json::array();
  std::size_t dead = 0;
  const auto workers = TRY(fleet::Controller(*bus).workers());
  std::size_t width = 20;
  for (const fleet::WorkerStatus& worker : workers)
    width = std::max(width, one_line(worker.name).size());
  std::string text = fmt::format("{:<{}} {:>7}  {:<5}  {:<9} {:<10} {:<9}  {}\n", "NAME", width,
                                 "CLIENTS", "STATE", "VERSION", "BOOT", "HEARTBEAT", "LABELS");
  for (const fleet::WorkerStatus& worker : workers) {
    all.push_back(json_of(worker));
    text += line_of(worker, width);
    dead += worker.alive ? 0 : 1;
  }
  if (flags.json)
    print_json(all);
  else
    print_data(text);
  if (dead > 0)
    print_talk(
        fmt::format("galileo workers: {} of them dead: galileo workers discover forgets "
                    "those\n",
                    dead));
  return {};
}

Result<void> discover(const WorkersFlags& flags) {
  const Duration timeout = TRY(parse_duration(flags.timeout));
  const auto bus = TRY(connect_bus(flags.bus));
  const fleet::Discovery found = TRY(fleet::Controller(*bus).discover(timeout));
  if (flags.json)
    print_json({{"told", found.told}, {"registered", found.registered}});
  else
    for (const std::string& name : found.registered) print_data(fmt::format("{}\n", name));
  print_talk(fmt::format("galileo workers: {} told, {} registered\n", found.told,
                         found.registered.size()));
  return {};
}

Result<void> ping(const WorkersFlags& flags) {
  const auto bus = TRY(connect_bus(flags.bus));
  const fleet::Pinged pinged = TRY(fleet::Controller(*bus).ping());
  if (flags.json)
    print_json(pinged.workers);
  else
    for (const std::string& name : pinged.workers) print_data(fmt::format("{}\n", name));
  for (const Error& error : pinged.failures)
    print_talk(fmt::format("galileo workers: {}\n", error.to_text()));
  if (!pinged.workers.empty()) return {};
  return Error{
      ErrorCode::kUnavailable, "no worker answers", bus->where(), {}, "start one: galileo worker"};
}

}  // namespace

int workers(const Arguments& arguments) {
  WorkersFlags flags;
  CLI::App app(
      "List the workers of a fleet, have them register again, and see who answers.\n\nexamples:\n"
      "  galileo workers ls --bus redis://controller:6379\n"
      "  galileo workers discover --timeout 2s\n  galileo workers ping --json\n",
      "galileo workers");
  app.require_subcommand(1);
  Result<void> (*chosen)(const WorkersFlags&) = nullptr;
  const auto add = [&](const char* name, const char* text,
                       Result<void> (*run)(const WorkersFlags&)) {
    CLI::App* command = app.add_subcommand(name, text);
    add_bus_option(*command, flags.bus);
    command->add_flag("--json", flags.json, "as JSON");
    command->callback([&chosen, run] { chosen = run; });
    return command;
  };
  add("ls",
      "list workers: name, clients, whether it lives, labels, and of ours the version, boot and "
      "last heartbeat",
      &list);
  add("discover", "forget all workers and let those that live register again", &discover)
      ->add_option("--timeout", flags.timeout, "how long to wait for workers")
      ->capture_default_str();
  add("ping", "names of the workers that answer; exit code 92 where none does", &ping);
  if (const auto over = parse_options(app, arguments)) return *over;
  const auto done = chosen(flags);
  return done.ok() ? static_cast<int>(kFine) : fail("workers", done.error());
}

}  // namespace galileo::commands
