// `galileo api`: the REST API of a laboratory, by the calls of the original's.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>

#include "base/log.h"
#include "base/output.h"
#include "commands/bus_daemon.h"
#include "commands/bus_options.h"
#include "commands/commands.h"
#include "commands/exit_codes.h"
#include "commands/options.h"
#include "commands/run_options.h"
#include "net/resolver.h"
#include "service/api_server.h"
#include "store/store.h"

namespace galileo::commands {
namespace {

constexpr std::uint16_t kApiPort = 5001;

struct ApiFlags {
  std::string listen;
  std::string bus;
  std::string database;
  std::string apps;
  std::string legacy;
  std::vector<std::string> allowed_hosts;
  std::string status;
};

std::string variable(std::string_view name, const std::string& otherwise) {
  const auto value = environment(name);
  return value && !value->empty() ? *value : otherwise;
}

// Both loopback addresses where none is named: `localhost` may be either.
Result<std::vector<net::Address>> places_of(const std::string& listen) {
  if (!listen.empty()) {
    auto address = net::resolve_listen(listen, "127.0.0.1", kApiPort);
    if (!address.ok()) address.error().where = "--listen";
    return std::vector<net::Address>{TRY(std::move(address))};
  }
  return std::vector<net::Address>{TRY(net::literal_address("127.0.0.1", kApiPort)),
                                   TRY(net::literal_address("::1", kApiPort))};
}

Result<void> listen_all(service::ApiServer& server, const std::vector<net::Address>& places) {
  std::optional<Error> problem;
  for (const net::Address& place : places) {
    auto listening = server.listen(place);
    if (!listening.ok()) problem = listening.error();
  }
  // A machine without IPv6 has one of the two.
  if (server.places().empty() && problem) return *problem;
  if (problem) log(LogLevel::kWarning, "not everywhere", {{"why", problem->to_text()}});
  return {};
}

Result<void> serve_api(const ApiFlags& flags) {
  service::ApiOptions options;
  auto access = service::parse_legacy_access(flags.legacy);
  if (!access.ok()) access.error().where = "galileo_api_legacy";
  options.guard.legacy = TRY(std::move(access));
  options.guard.allowed_hosts = flags.allowed_hosts;
  options.apps_folder = flags.apps;
  const auto places = TRY(places_of(flags.listen));
  const auto status = TRY(status_address(flags.status));
  const bus::BusOptions where = TRY(shared_bus_options(flags.bus));
  const std::string database = TRY(whole_database(flags.database));
  TRY(store::open_store(database,
                        store::OpenMode::kCreate));  // what can't be opened is told at once
  BusDaemon daemon;
  if (!TRY(daemon.begin(status, where))) return {};
  service::ApiServer server(
      daemon.control(), daemon.bus(),
      [database] { return store::open_store(database, store::OpenMode::kCreate); },
      std::move(options));
  TRY(listen_all(server, places));
  daemon.tell([] { return std::string(); });
  print_talk(fmt::format("galileo api: listening on {}\n", fmt::join(server.places(), " and ")));
  daemon.run();
  return {};
}

}  // namespace

int api(const Arguments& arguments) {
  ApiFlags flags;
  flags.listen = variable("galileo_api_bind_addr", "");
  flags.apps = variable("galileo_apps_repo_dir", "./apps-repo");
  flags.legacy = variable("galileo_api_legacy", "loopback");
  flags.database = default_database();
  CLI::App app(
      "Serve the REST API of a laboratory: workers, services, experiments and client apps, by\n"
      "the calls of the original's.\n\n"
      "example:\n"
      "  galileo api --bus redis://127.0.0.1:6379 --db lab.sqlite\n",
      "galileo api");
  app.add_option("--listen,-l", flags.listen,
                 "host:port, or a port of this machine's [galileo_api_bind_addr; 5001 of 127.0.0.1 "
                 "and ::1]");
  app.add_option("--db", flags.database, "database: a path, or a URL as in docs/databases.md")
      ->capture_default_str();
  app.add_option("--apps", flags.apps,
                 "folder of the client apps' archives [galileo_apps_repo_dir]")
      ->capture_default_str();
  app.add_option("--legacy", flags.legacy,
                 "who may use the old calls: loopback: this machine; open: anybody, any page; off "
                 "[galileo_api_legacy]")
      ->capture_default_str();
  app.add_option("--allowed-host", flags.allowed_hosts,
                 "a name of this machine that it may be asked by; may be given again")
      ->expected(1)
      ->take_all();
  app.add_option("--status", flags.status, "host:port of /healthz, /readyz and /metrics [none]");
  add_bus_option(app, flags.bus);
  if (const auto over = parse_options(app, arguments)) return *over;
  const auto served = serve_api(flags);
  return served.ok() ? static_cast<int>(kFine) : fail("api", served.error());
}

}  // namespace galileo::commands
