// `galileo daemon`: runs the experiments that wait in the queue.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/output.h"
#include "base/text.h"
#include "commands/bus_daemon.h"
#include "commands/bus_options.h"
#include "commands/commands.h"
#include "commands/daemon_work.h"
#include "commands/exit_codes.h"
#include "commands/options.h"
#include "commands/run_options.h"

namespace galileo::commands {
namespace {

constexpr Duration kLeaseMin = std::chrono::milliseconds{500};

struct DaemonFlags {
  std::string bus;
  std::string lease = "15s";
  std::string longest = "24h";
  std::string grace = "1m";
  std::vector<std::string> allowed;
  std::string status;
  DaemonOptions options;
};

Result<Duration> duration_of(const std::string& flag, const std::string& text, Duration least) {
  auto duration = parse_duration(text);
  if (!duration.ok()) duration.error().where = flag;
  if (TRY(std::move(duration)) < least)
    return Error{ErrorCode::kUsage,
                 fmt::format("{} is too short", text),
                 flag,
                 {},
                 fmt::format("give {} at least", format_duration(least))};
  return *parse_duration(text);
}

Result<Allowed> allowed_of(const std::vector<std::string>& words) {
  Allowed allowed;
  for (const std::string& word : words) {
    if (allow(allowed, word)) continue;
    return Error{ErrorCode::kUsage,
                 fmt::format("'{}' can't be allowed", word),
                 "--allow",
                 {},
                 hint_for_unknown(word, {"environment", "files", "commands", "kubernetes"})};
  }
  return allowed;
}

Result<void> serve_queue(DaemonFlags flags) {
  DaemonOptions& options = flags.options;
  options.lease = TRY(duration_of("--lease", flags.lease, kLeaseMin));
  options.longest = TRY(duration_of("--longest", flags.longest, std::chrono::seconds{1}));
  options.grace = TRY(duration_of("--grace", flags.grace, Duration{0}));
  options.allowed = TRY(allowed_of(flags.allowed));
  options.database = TRY(whole_database(options.database));
  if (options.database == "none")
    return Error{ErrorCode::kUsage, "a daemon needs a database", "--db",
                 "what is queued stands there", "name one, or leave --db out"};
  const auto status = TRY(status_address(flags.status));
  bus::BusOptions where = TRY(shared_bus_options(flags.bus));
  options.bus = where.url;
  TRY(store::open_store(options.database, store::OpenMode::kCreate));  // told at once
  BusDaemon daemon;
  if (!TRY(daemon.begin(status, where))) return {};
  where.call_timeout = std::min<Duration>(where.call_timeout, options.lease / 3);
  const auto lease_bus = TRY(bus::connect(where));
  daemon.tell([] { return std::string(); });
  bool is_over = false;
  DaemonWork work(daemon.bus(), *lease_bus, options, [&] {
    daemon.control().post([&] {
      is_over = true;
      daemon.control().stop();
    });
  });
  print_talk(fmt::format("galileo daemon: {} takes experiments from {}\n", work.id(),
                         daemon.bus().where()));
  work.start();
  daemon.run();
  // The first signal ends what runs in good order, the next one at once.
  const auto works = [&] { return !is_over; };
  for (bool now = false; works(); now = true) {
    work.end(now);
    daemon.control().run();
  }
  return {};
}

}  // namespace

int daemon(const Arguments& arguments) {
  DaemonFlags flags;
  flags.options.database = default_database();
  flags.options.version = GALILEO_VERSION;
  CLI::App app(
      "Run the experiments that wait in the queue, one at a time, on the workers of the bus.\n\n"
      "example:\n"
      "  galileo daemon --bus redis://127.0.0.1:6379 --db lab.sqlite\n",
      "galileo daemon");
  app.add_option("--db", flags.options.database,
                 "database: a path, or a URL as in docs/how-to/databases.md")
      ->capture_default_str();
  app.add_option("--spool", flags.options.spool_folder,
                 "folder of the spools [beside the database]");
  app.add_option("--allow", flags.allowed,
                 "what experiments may do on this machine: environment (its variables), files, "
                 "commands, kubernetes; may be given again [nothing of it]")
      ->expected(1)
      ->take_all();
  app.add_option("--longest", flags.longest, "how long one may take whose plan has no end")
      ->capture_default_str();
  app.add_option("--grace", flags.grace, "how much longer than its plan one may take")
      ->capture_default_str();
  app.add_option("--lease", flags.lease, "how long the fleet stays a daemon's that is silent")
      ->capture_default_str();
  app.add_option("--status", flags.status, "host:port of /healthz, /readyz and /metrics [none]");
  add_bus_option(app, flags.bus);
  if (const auto over = parse_options(app, arguments)) return *over;
  const auto served = serve_queue(flags);
  return served.ok() ? static_cast<int>(kFine) : fail("daemon", served.error());
}

}  // namespace galileo::commands
