// `galileo chaos`: the fault agent of a node, until it is told to stop.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>

#include "base/log.h"
#include "base/resident.h"
#include "base/text.h"
#include "chaos/agent.h"
#include "chaos/burner.h"
#include "commands/bus_daemon.h"
#include "commands/bus_options.h"
#include "commands/commands.h"
#include "commands/exit_codes.h"
#include "commands/log_level.h"
#include "commands/options.h"
#include "commands/status_page.h"
#include "telemetry/machine.h"

namespace galileo::commands {
namespace {

constexpr std::string_view kOldAgentRedis = "edgechaos_redis_";
constexpr const char* kFolder = "/run/galileo-chaos";
constexpr const char* kLease = "30s";
constexpr Duration kLeaseFewest = std::chrono::seconds{1};
// A call under way and one more end within the second that a stop may take.
constexpr Duration kAgentCallTimeout = std::chrono::milliseconds{400};

struct ChaosFlags {
  std::string bus;
  std::string node;
  std::string folder;
  std::string lease;
  std::string status;
};

Result<std::string> node_of(const ChaosFlags& flags) {
  const Said node = said(flags.node, "--node", "edgechaos_host", telemetry::hostname());
  if (node.value.find_first_of(" \t\n") == std::string::npos) return node.value;
  return Error{ErrorCode::kUsage,
               fmt::format("'{}' isn't a node's name", node.value),
               node.name,
               "it has blanks in it",
               {}};
}

Result<Duration> lease_of(const ChaosFlags& flags) {
  const Said lease = said(flags.lease, "--lease", "edgechaos_lease", kLease);
  auto lasts = parse_duration(lease.value);
  if (lasts.ok() && *lasts >= kLeaseFewest) return lasts;
  return Error{ErrorCode::kUsage, fmt::format("'{}' isn't how long a lease lasts", lease.value),
               lease.name, lasts.ok() ? "it is shorter than a second" : lasts.error().why,
               "as 30s"};
}

// The old one also listened to RabbitMQ.
Result<void> check_listener() {
  const Said type = said({}, "", "edgechaos_listener_type", "redis");
  if (type.value == "redis") return {};
  return Error{ErrorCode::kUsage, fmt::format("'{}' can't be listened to", type.value), type.name,
               "orders come over Redis alone", "use redis"};
}

// Where PATH has it, as spawn() finds it.
bool is_installed(const std::string& program) {
  const std::string path = environment("PATH").value_or("");
  for (const std::string_view folder : split(path, ':')) {
    if (!folder.empty() && access(fmt::format("{}/{}", folder, program).c_str(), X_OK) == 0)
      return true;
  }
  return false;
}

Result<void> serve(const ChaosFlags& flags) {
  keep_heap_small();
  TRY(set_log_level_by_environment(LogLevel::kInfo, "edgechaos_logging_level"));
  TRY(check_listener());
  chaos::AgentOptions options;
  options.node = TRY(node_of(flags));
  options.lease = TRY(lease_of(flags));
  options.folder = said(flags.folder, "--state", "edgechaos_state", kFolder).value;
  options.program = "/proc/self/exe";
  options.has_stress_ng = is_installed("stress-ng");
  bus::BusOptions where = TRY(bus_options_of(kOldAgentRedis, flags.bus));
  where.call_timeout = kAgentCallTimeout;
  const auto status = TRY(status_address(flags.status));
  BusDaemon daemon;
  if (!TRY(daemon.begin(status, where))) return {};
  const std::string node = options.node;
  const bool has_tc = is_installed("tc");
  const bool has_stress_ng = options.has_stress_ng;
  const auto agent = TRY(chaos::Agent::start(daemon.bus(), std::move(options),
                                             [&daemon] { daemon.control().stop(); }));
  daemon.tell([&agent] { return agent->metrics(); });
  log(LogLevel::kInfo, "listening",
      {{"node", node},
       {"bus", daemon.bus().where()},
       {"tc", has_tc ? "there" : "not installed"},
       {"stress-ng", has_stress_ng ? "there" : "not installed: cpu and vm by our own burner"}});
  daemon.run();
  log(LogLevel::kInfo, "stopping", {{"node", node}});
  return {};
}

// A part of the agent's own, which ends with it: stress-ng by its words, or our burner.
int run_under(const Arguments& arguments) {
  const auto agent = arguments.size() > 2 ? parse_integer(arguments[1]) : std::nullopt;
  if (!agent || !chaos::go_with(static_cast<int>(*agent))) return kFailed;
  std::vector<std::string> words(arguments.begin() + 2, arguments.end());
  if (words.front() == "burn") {
    const auto burn = chaos::parse_burn({words.begin() + 1, words.end()});
    return burn.ok() ? chaos::burn(*burn) : fail("chaos", burn.error());
  }
  if (words.front() != "stress-ng") return kFailed;
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  execvp(argv.front(), argv.data());
  return fail("chaos", system_error("can't start it", words.front(), errno));
}

}  // namespace

int chaos(const Arguments& arguments) {
  if (!arguments.empty() && arguments.front() == "--under") return run_under(arguments);
  ChaosFlags flags;
  CLI::App app(
      "Run the fault agent of a node: it takes up CPU and memory and disturbs networks as it is\n"
      "told on edgechaos/<node>, says on galileo/chaos what it did, and undoes it. For pods'\n"
      "networks it needs root's CAP_NET_ADMIN, CAP_SYS_ADMIN and CAP_SYS_PTRACE.\n\n"
      "example:\n"
      "  galileo chaos --node node1 --bus redis://controller:6379\n",
      "galileo chaos");
  app.add_option("--bus", flags.bus,
                 "redis://[user[:password]@]host[:port][/database], rediss:// over TLS, or "
                 "unix:///path [edgechaos_redis_host, _port and _password; else galileo_redis_*; "
                 "redis://localhost:6379]");
  app.add_option("--node", flags.node, "this node's name [edgechaos_host, or the host's name]");
  app.add_option("--lease", flags.lease,
                 fmt::format("what is started for an experiment is undone so long after its last "
                             "sign of life, and all that long after the bus is away "
                             "[edgechaos_lease, or {}]",
                             kLease));
  app.add_option("--state", flags.folder,
                 fmt::format("folder of what is started now, for the next agent after a kill -9 "
                             "[edgechaos_state, or {}]",
                             kFolder));
  app.add_option("--status", flags.status, "host:port of /healthz, /readyz and /metrics [none]");
  if (const auto over = parse_options(app, arguments)) return *over;
  const auto served = serve(flags);
  return served.ok() ? static_cast<int>(kFine) : fail("chaos", served.error());
}

}  // namespace galileo::commands
