// `galileo telemd`: reads this node and publishes what it reads, until it is told to stop.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>

#include "base/log.h"
#include "base/output.h"
#include "base/resident.h"
#include "bus/bus_options.h"
#include "commands/bus_daemon.h"
#include "commands/bus_options.h"
#include "commands/commands.h"
#include "commands/exit_codes.h"
#include "commands/help_tables.h"
#include "commands/log_level.h"
#include "commands/options.h"
#include "commands/status_page.h"
#include "fleet/telemetry_daemon.h"
#include "net/tcp.h"
#include "telemetry/daemon_config.h"
#include "telemetry/machine.h"

namespace galileo::commands {
namespace {

constexpr const char* kDefaultFile = "/etc/telemd/config.ini";
constexpr std::size_t kOtherFiles = 200;

struct TelemdFlags {
  std::string bus;
  std::string config;  // empty: the default one, where it is there
  std::string node;
  std::string status;
};

Result<telemetry::IniFile> read_file(const TelemdFlags& flags) {
  const std::string path = flags.config.empty() ? kDefaultFile : flags.config;
  if (flags.config.empty() && !std::filesystem::exists(path)) return telemetry::IniFile{path, {}};
  return telemetry::parse_ini(TRY(read_input(path, std::size_t{1} << 20)), path);
}

// Where the bus is: the flag, else what the configuration says, else what all commands go by.
Result<bus::BusOptions> place_of_bus(const TelemdFlags& flags,
                                     const telemetry::DaemonConfig& config) {
  bus::BusOptions options;
  if (!flags.bus.empty()) {
    options = TRY(bus_options(flags.bus));
    if (options.password.empty() && TRY(bus::place_of(options)).password.empty())
      options.password = config.redis_password;
  } else {
    // One place isn't put together of two.
    const bool has_place =
        !config.redis_url.empty() || !config.redis_host.empty() || !config.redis_port.empty();
    const auto get = [&](std::string_view name) -> std::optional<std::string> {
      if (has_place && name == "galileo_redis_url") return config.redis_url;
      if (has_place && name == "galileo_redis_host") return config.redis_host;
      if (has_place && name == "galileo_redis_port") return config.redis_port;
      if (name == "galileo_redis_password" && !config.redis_password.empty())
        return config.redis_password;
      return environment(name);
    };
    auto said = bus::bus_options_from(get);
    if (!said.ok()) {
      Error error = std::move(said).error();
      // What it has from the configuration has another name there.
      constexpr std::string_view kOurs = "galileo_redis_";
      for (const auto& [name, value] : {std::pair{"url", &config.redis_url},
                                        {"host", &config.redis_host},
                                        {"port", &config.redis_port}}) {
        if (!value->empty() && error.where == std::string(kOurs) + name)
          error.where = std::string("telemd_redis_") + name;
      }
      return error;
    }
    options = std::move(*said);
  }
  options.retry_every = config.redis_retry_backoff;
  return options;
}

Result<void> serve(const TelemdFlags& flags) {
  keep_heap_small();
  TRY(set_log_level_by_environment(LogLevel::kInfo, "telemd_logging_level"));
  std::vector<std::string> warnings;
  const auto get = [&](std::string_view name) -> std::optional<std::string> {
    if (name == "telemd_nodename" && !flags.node.empty()) return flags.node;
    return environment(name);
  };
  const telemetry::DaemonConfig config =
      TRY(telemetry::daemon_config(TRY(read_file(flags)), get, telemetry::hostname(), warnings));
  for (const std::string& warning : warnings)
    log(LogLevel::kWarning, "configuration", {{"why", warning}});
  const bus::BusOptions where = TRY(place_of_bus(flags, config));
  TRY(bus::place_of(where));
  const auto status = TRY(status_address(flags.status));
  const std::size_t files = net::raise_open_files_limit();
  BusDaemon daemon;
  if (!TRY(daemon.begin(status, where))) return {};
  fleet::TelemetryDaemonOptions options;
  options.sampler.machine.node = config.node;
  options.sampler.machine.proc = config.proc_mount;
  options.sampler.machine.sys = config.sys_mount;
  options.sampler.machine.cgroup_root = config.cgroup_root;
  options.sampler.machine.net_devices = config.net_devices;
  options.sampler.machine.disk_devices = config.disk_devices;
  options.sampler.machine.gpu_devices = config.gpu_devices;
  options.sampler.machine.processes = config.processes;
  options.sampler.machine.files = config.files;
  options.sampler.machine.pages = config.pages;
  options.sampler.machine.page_metrics = config.page_metrics;
  options.sampler.machine.commands = config.commands;
  // Some are for everything else.
  options.sampler.machine.containers_max = std::min<std::size_t>(
      options.sampler.machine.containers_max,
      files > kOtherFiles ? (files - kOtherFiles) / telemetry::kFilesOfContainer : 0);
  options.cpu_max = config.cpu_max;
  options.sampler.instruments = config.instruments;
  options.sampler.periods = config.periods;
  const auto reader = TRY(fleet::TelemetryDaemon::start(daemon.control(), daemon.bus(), options));
  daemon.tell([&reader] { return reader->metrics(); });
  log(LogLevel::kInfo, "reading", {{"node", config.node}, {"bus", daemon.bus().where()}});
  daemon.run();
  log(LogLevel::kInfo, "stopping", {{"node", config.node}});
  return {};
}

}  // namespace

int telemd(const Arguments& arguments) {
  TelemdFlags flags;
  CLI::App app(
      "Run the telemetry daemon of a node: it publishes CPU, memory, network, disk, pressure and "
      "containers.\nIts configuration is telemd's: telemd_* variables over "
      "/etc/telemd/config.ini.\n\n"
      "example:\n"
      "  telemd_period_cpu=100ms galileo telemd --node pi-1 --bus redis://controller:6379\n",
      "galileo telemd");
  app.add_option("--bus", flags.bus,
                 "redis://[user[:password]@]host[:port][/database], rediss:// over TLS, or "
                 "unix:///path [telemd_redis_url, or telemd_redis_host and _port; "
                 "else galileo_redis_*, as everywhere]");
  app.add_option("--node", flags.node, "this node's name [telemd_nodename, or the host's name]");
  app.add_option("--config", flags.config, fmt::format("[{}, where it is there]", kDefaultFile));
  app.add_option("--status", flags.status, "host:port of /healthz, /readyz and /metrics [none]");
  const std::string listing = "list the instruments with their topics and units, and read nothing";
  app.add_flag("--list", listing);
  if (const auto over = print_tables_if_asked(arguments, "--list", {"instruments"})) return *over;
  if (const auto over = parse_options(app, arguments)) return *over;
  const auto served = serve(flags);
  return served.ok() ? static_cast<int>(kFine) : fail("telemd", served.error());
}

}  // namespace galileo::commands
