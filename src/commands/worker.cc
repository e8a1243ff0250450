// `galileo worker`: a worker on this machine, obeying whoever commands it over the bus.
#include "fleet/worker.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/log.h"
#include "base/text.h"
#include "commands/bus_options.h"
#include "commands/commands.h"
#include "commands/exit_codes.h"
#include "commands/log_level.h"
#include "commands/options.h"
#include "commands/run_options.h"
#include "commands/spool_options.h"
#include "commands/status_page.h"
#include "load/request_parameters.h"
#include "net/resolver.h"
#include "net/signals.h"
#include "telemetry/machine.h"

namespace galileo::commands {
namespace {

constexpr const char* kResponseKept = "1MiB";
// Each loop's ring has room for four of them, a spool's record and a line on the bus for one.
constexpr std::uint32_t kResponseKeptMax = 4u << 20;

struct WorkerFlags {
  std::string bus;
  std::string name;
  std::string trace_logging;
  std::string database;
  std::string spool_folder;
  SpoolFlags spool;
  std::string status;
  std::uint32_t threads = 0;
  std::uint32_t connections = 0;
  bool ipv4 = false;
  bool ipv6 = false;
  std::string keep_response;
  bool no_headers = false;
};

Result<std::uint32_t> response_kept(const WorkerFlags& flags) {
  const auto [text, name] =
      said(flags.keep_response, "--keep-response", "galileo_keep_response", kResponseKept);
  auto bytes = parse_bytes(text);
  if (bytes.ok() && *bytes <= kResponseKeptMax) return static_cast<std::uint32_t>(*bytes);
  return Error{
      ErrorCode::kUsage, fmt::format("a trace can't keep '{}' of a body", text), name,
      bytes.ok() ? "that is too much" : "that isn't a size",
      fmt::format("give bytes, as 200000 or 1MiB, at most {}", format_bytes(kResponseKeptMax))};
}

// How requests of clients find their hosts, as far as the worker's environment says it.
Result<void> set_routing(fleet::WorkerOptions& options) {
  const Said router = said({}, "", "galileo_router_type", "CachingSymmetryHostRouter");
  options.routing.router = router.value;
  if (auto known = route::router_named(router.value); !known.ok()) {
    known.error().where = router.name;
    return known.error();
  }
  const Said host = said({}, "", "galileo_router_static_host", "http://localhost");
  options.routing.static_host = host.value;
  if (auto parsed = route::parse_static_host(host.value); !parsed.ok()) {
    parsed.error().where = host.name;
    return parsed.error();
  }
  return {};
}

Result<std::string> traces_to(const WorkerFlags& flags) {
  const auto [mode, name] = said(flags.trace_logging, "--traces", "galileo_trace_logging", "none");
  if (mode == "none") return std::string();
  if (mode == "redis" || mode == "file" || mode == "sql") return mode;
  return Error{ErrorCode::kUsage,
               fmt::format("'{}' isn't a way to keep traces", mode),
               name,
               {},
               "use redis, file, sql or none"};
}

Result<fleet::WorkerOptions> worker_options(const WorkerFlags& flags) {
  fleet::WorkerOptions options;
  options.name = said(flags.name, "--name", "galileo_worker_name", telemetry::hostname()).value;
  options.labels = labels_of_environment();
  options.labels["galileo_worker_name"] = options.name;
  TRY(set_routing(options));
  options.trace_logging = TRY(traces_to(flags));
  options.database = TRY(whole_database(flags.database));
  options.spool_folder = flags.spool_folder;
  options.spool_bytes_max = TRY(spool_limit(flags.spool)).bytes_max;
  options.limits.threads = flags.threads;
  if (flags.connections > 0) options.limits.connections_max = flags.connections;
  options.limits.address_family = flags.ipv4 ? 4 : flags.ipv6 ? 6 : 0;
  options.limits.keep_headers = !flags.no_headers;
  options.limits.keep_response = TRY(response_kept(flags));
  options.limits.redirects_max = load::kRedirectsFollowed;
  options.version = GALILEO_VERSION;
  return options;
}

Result<void> serve(const WorkerFlags& flags) {
  TRY(set_log_level_by_environment(LogLevel::kInfo));
  auto options = TRY(worker_options(flags));
  const auto status = TRY(status_address(flags.status));
  const std::size_t files = net::raise_open_files_limit();
  if (files > 100 && options.limits.connections_max > files / 2)
    options.limits.connections_max = static_cast<std::uint32_t>(files / 2);
  net::Loop control;
  int signals_seen = 0;
  const net::Signals signals(control, [&](int) {
    ++signals_seen;
    control.stop();
  });
  const bus::BusOptions where = TRY(shared_bus_options(flags.bus));
  std::unique_ptr<bus::Bus> bus;
  std::unique_ptr<fleet::Worker> worker;
  // Without a bus the load goes on: no restart, which would end it.
  const auto away = [&] { return bus && bus->connected() ? std::string() : "the bus is away"; };
  StatusPage page(control, [&] { return worker ? worker->metrics() : std::string(); }, away, away);
  if (status) TRY(page.listen(*status));
  // Machines and pods start in any order: it may be there before its bus is.
  bus = TRY(connect_bus_in_time(control, signals_seen, where));
  if (!bus) return {};
  const std::string name = options.name;
  worker = TRY(fleet::Worker::make(control, *bus, std::move(options)));
  TRY(worker->start());
  log(LogLevel::kInfo, "worker registered", {{"name", name}, {"bus", bus->where()}});
  control.run();
  log(LogLevel::kInfo, "worker stopping", {{"name", name}});
  worker->stop(std::chrono::seconds{2}, std::chrono::seconds{5});
  return {};
}

}  // namespace

int worker(const Arguments& arguments) {
  WorkerFlags flags;
  flags.database = default_database();
  flags.spool_folder = ".";
  CLI::App app(
      "Run a worker: it makes clients and sends their requests as it is told over the bus.\n"
      "The labels of a worker are the galileo_* variables of its environment, secrets left out.\n\n"
      "example:\n"
      "  galileo_zone=edge galileo worker --name node-a --bus redis://127.0.0.1:6379 \\\n"
      "    --traces redis\n",
      "galileo worker");
  add_bus_option(app, flags.bus);
  app.add_option("--name", flags.name, "[galileo_worker_name, or the host's name]");
  app.add_option("--traces", flags.trace_logging,
                 "redis, file (the spool is kept), sql (--db), none [galileo_trace_logging]");
  app.add_option("--db", flags.database, "database of --traces sql")->capture_default_str();
  app.add_option("--spool", flags.spool_folder, "folder where traces wait")->capture_default_str();
  app.add_option("--spool-max", flags.spool.max,
                 "how much disk traces may take while they wait; beyond it they are counted "
                 "as lost until some have gone out [galileo_spool_max, or as much as there is]");
  app.add_option("-t,--threads", flags.threads, "event loops [one a core]");
  app.add_option(
         "-c,--connections", flags.connections,
         "how many connections may be open at once [10,000, or half of what the system allows]")
      ->check(CLI::PositiveNumber);
  const auto ipv4 = app.add_flag("-4,--ipv4", flags.ipv4, "IPv4 only");
  app.add_flag("-6,--ipv6", flags.ipv6, "IPv6 only")->excludes(ipv4);
  app.add_option("--status", flags.status, "host:port of /healthz, /readyz and /metrics [none]");
  app.add_option("--keep-response", flags.keep_response,
                 fmt::format("how much of each answer's body a trace keeps; what is cut is "
                             "counted [galileo_keep_response, or {}]",
                             kResponseKept));
  app.add_flag("--no-headers", flags.no_headers, "don't keep the answers' headers");
  if (const auto over = parse_options(app, arguments)) return *over;
  const auto served = serve(flags);
  return served.ok() ? kFine : fail("worker", served.error());
}

}  // namespace galileo::commands
