// `galileo api`: the REST API of a laboratory, and the tokens by which it lets
// others in.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/log.h"
#include "base/output.h"
#include "base/text.h"
#include "commands/bus_daemon.h"
#include "commands/bus_options.h"
#include "commands/commands.h"
#include "commands/exit_codes.h"
#include "commands/options.h"
#include "commands/run_options.h"
#include "net/clock.h"
#include "net/resolver.h"
#include "net/tls.h"
#include "service/api_server.h"
#include "service/tokens.h"
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
  std::string tokens;
  std::vector<std::string> allowed;
  std::vector<std::string> targets;
  double rate = service::ApiAccessOptions().rate;
  std::string tls_cert;
  std::string tls_key;
  std::string python;
  // of `galileo api token`
  std::string name;
  std::string scope = "read";
  std::string expires;
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

bool allows(const ApiFlags& flags, const char* what) {
  return std::find(flags.allowed.begin(), flags.allowed.end(), what) != flags.allowed.end();
}

Result<service::ApiOptions> options_of(const ApiFlags& flags) {
  service::ApiOptions options;
  auto access = service::parse_legacy_access(flags.legacy);
  if (!access.ok()) access.error().where = "galileo_api_legacy";
  options.guard.legacy = TRY(std::move(access));
  options.guard.allowed_hosts = flags.allowed_hosts;
  options.apps_folder = flags.apps;
  options.version = GALILEO_VERSION;
  options.access.token_file = flags.tokens;
  options.access.rate = flags.rate;
  TRY(service::check_allowed(flags.allowed, flags.targets));
  options.v1.allowed = {
      allows(flags, "commands"),   allows(flags, "files"), allows(flags, "environment"),
      allows(flags, "kubernetes"), flags.targets,          &environment};
  options.v1.python = flags.python;
  // What is wrong with them is told at once.
  if (!flags.tokens.empty()) TRY(service::read_tokens(flags.tokens));
  return options;
}

Result<std::unique_ptr<net::TlsAcceptor>> tls_of(const ApiFlags& flags) {
  if (flags.tls_cert.empty() && flags.tls_key.empty()) return std::unique_ptr<net::TlsAcceptor>();
  net::TlsServerOptions options;
  options.certificate_file = flags.tls_cert;
  options.key_file = flags.tls_key;
  return net::TlsAcceptor::make(options);
}

Result<void> serve_api(const ApiFlags& flags) {
  service::ApiOptions options = TRY(options_of(flags));
  const auto tls = TRY(tls_of(flags));
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
      std::move(options), tls.get());
  TRY(listen_all(server, places));
  daemon.tell([&server] { return server.metrics(); }, [&server] { return server.trouble(); });
  print_talk(fmt::format("galileo api: listening on {}\n", fmt::join(server.places(), " and ")));
  daemon.run();
  return {};
}

// Where tokens are kept: the flag, the variable, or beside the other things of this user.
std::string default_tokens() {
  const std::string home = variable("HOME", ".");
  return variable("galileo_api_tokens", home + "/.galileo-tokens");
}

Result<void> add_api_token(const ApiFlags& flags) {
  service::ApiToken token;
  token.name = flags.name;
  token.scope = TRY(service::parse_scope(flags.scope));
  token.created = net::RealClock::wall_now();
  if (!flags.expires.empty()) token.expires = token.created + TRY(parse_duration(flags.expires));
  const std::string secret = TRY(service::add_token(flags.tokens, std::move(token)));
  print_talk(fmt::format("galileo api: a token for {} is in {}; it is told this once\n", flags.name,
                         flags.tokens));
  print_data(secret + "\n");
  return {};
}

Result<void> list_api_tokens(const ApiFlags& flags) {
  std::string text = fmt::format("{:<24} {:<6} {}\n", "NAME", "SCOPE", "EXPIRES");
  const Wall now = net::RealClock::wall_now();
  for (const service::ApiToken& token : TRY(service::read_tokens(flags.tokens))) {
    const auto left = std::chrono::duration_cast<std::chrono::hours>(token.expires - now);
    text += fmt::format("{:<24} {:<6} {}\n", token.name, scope_name(token.scope),
                        token.expires == kNoWall ? "never"
                        : token.expires <= now   ? "is over"
                                                 : fmt::format("in {} h", left.count()));
  }
  print_data(text);
  return {};
}

Result<void> remove_api_token(const ApiFlags& flags) {
  if (TRY(service::remove_token(flags.tokens, flags.name))) return {};
  return Error{ErrorCode::kNotFound,
               fmt::format("there is no token '{}'", flags.name),
               flags.tokens,
               {},
               "galileo api token ls lists them"};
}

using ApiWork = Result<void> (*)(const ApiFlags& flags);

void add_token_commands(CLI::App& app, ApiFlags& flags, ApiWork& work) {
  CLI::App* const token = app.add_subcommand("token", "who is let in from elsewhere");
  token->require_subcommand(1);
  CLI::App* const add = token->add_subcommand("add", "make a token, and tell it this once");
  add->add_option("NAME", flags.name, "whose it is")->required();
  add->add_option("--scope", flags.scope, "read, run or admin: each has the ones before")
      ->capture_default_str();
  add->add_option("--expires", flags.expires, "after so long: 12h, 30d [never]");
  add->callback([&work] { work = &add_api_token; });
  CLI::App* const list = token->add_subcommand("ls", "list the tokens");
  list->callback([&work] { work = &list_api_tokens; });
  CLI::App* const remove = token->add_subcommand("rm", "remove a token: who has it is out");
  remove->add_option("NAME", flags.name, "whose it is")->required();
  remove->callback([&work] { work = &remove_api_token; });
  for (CLI::App* const one : {add, list, remove})
    one->add_option("--tokens", flags.tokens, "file of tokens [galileo_api_tokens]")
        ->capture_default_str();
}

void add_door_options(CLI::App& app, ApiFlags& flags) {
  app.add_option("--tokens", flags.tokens,
                 "file of the tokens that let others in [galileo_api_tokens]")
      ->capture_default_str();
  app.add_option("--rate-limit", flags.rate,
                 "requests a second of one token or address; 0: any number")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--allow", flags.allowed,
                 "what submitted files may have: commands, files, environment, kubernetes; may be "
                 "given again [none]")
      ->expected(1)
      ->take_all();
  app.add_option("--allow-target", flags.targets,
                 "where requests may go: host, host:port, *.domain, 10.0.0.0/8, *; may be given "
                 "again [this machine]")
      ->expected(1)
      ->take_all();
  app.add_option("--tls-cert", flags.tls_cert, "PEM: speak TLS with this certificate");
  app.add_option("--tls-key", flags.tls_key, "PEM [in --tls-cert]");
}

void add_place_options(CLI::App& app, ApiFlags& flags) {
  app.add_option("--listen,-l", flags.listen,
                 "host:port, or a port of this machine's [galileo_api_bind_addr; 5001 of 127.0.0.1 "
                 "and ::1]");
  app.add_option("--db", flags.database,
                 "database: a path, or a URL as in docs/how-to/databases.md")
      ->capture_default_str();
  app.add_option("--apps", flags.apps,
                 "folder of the client apps' archives [galileo_apps_repo_dir]")
      ->capture_default_str();
  app.add_option("--legacy", flags.legacy,
                 "who may use the old calls: loopback: this machine; token: as the new ones; open: "
                 "anybody, any page; off [galileo_api_legacy]")
      ->capture_default_str();
  app.add_option("--allowed-host", flags.allowed_hosts,
                 "a name of this machine that it may be asked by; may be given again")
      ->expected(1)
      ->take_all();
  app.add_option("--status", flags.status, "host:port of /healthz, /readyz and /metrics [none]");
  app.add_option("--python", flags.python,
                 "for Parquet: a Python that has the package pyarrow [galileo_python]")
      ->capture_default_str();
}

}  // namespace

int api(const Arguments& arguments) {
  ApiFlags flags;
  flags.listen = variable("galileo_api_bind_addr", "");
  flags.apps = variable("galileo_apps_repo_dir", "./apps-repo");
  flags.legacy = variable("galileo_api_legacy", "loopback");
  flags.tokens = default_tokens();
  flags.python = variable("galileo_python", "python3");
  flags.database = default_database();
  CLI::App app(
      "Serve the REST API of a laboratory: experiments, the fleet, routes and client apps; and "
      "make\n"
      "the tokens by which it lets others in.\n\n"
      "examples:\n"
      "  galileo api --bus redis://127.0.0.1:6379 --db lab.sqlite\n"
      "  galileo api token add ann --scope run --expires 30d\n",
      "galileo api");
  ApiWork work = &serve_api;
  add_place_options(app, flags);
  add_door_options(app, flags);
  add_bus_option(app, flags.bus);
  add_token_commands(app, flags, work);
  if (const auto over = parse_options(app, arguments)) return *over;
  const auto done = work(flags);
  return done.ok() ? static_cast<int>(kFine) : fail("api", done.error());
}

}  // namespace galileo::commands
