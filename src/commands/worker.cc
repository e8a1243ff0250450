// `galileo worker`: a worker on this machine, obeying whoever commands it over the bus.
#include "fleet/worker.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/log.h"
#include "commands/bus_options.h"
#include "commands/commands.h"
#include "commands/exit_codes.h"
#include "commands/log_level.h"
#include "commands/metrics_page.h"
#include "commands/options.h"
#include "commands/run_options.h"
#include "commands/spool_options.h"
#include "commands/status_page.h"
#include "commands/worker_options.h"
#include "net/resolver.h"
#include "net/signals.h"

namespace galileo::commands {
namespace {

Result<void> serve(const WorkerFlags& flags) {
  TRY(set_log_level_by_environment(LogLevel::kInfo));
  auto options = TRY(worker_options(flags));
  const auto status = TRY(status_address(flags.status));
  const auto scraped = TRY(metrics_address(flags.metrics));
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
  const auto metrics = [&] { return worker ? worker->metrics() : std::string(); };
  StatusPage page(control, metrics, away, away);
  if (status) TRY(page.listen(*status));
  // Unlike a probe's page it isn't worth a worker.
  StatusPage scrapers(control, metrics, away, away);
  if (scraped) {
    if (const auto listening = scrapers.listen(*scraped); !listening.ok())
      log(LogLevel::kWarning, "no page of metrics", {{"why", listening.error().to_text()}});
  }
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
  app.add_option("--metrics", flags.metrics,
                 "the same page for scrapers: a port that is taken is told, and it goes on [none]");
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
