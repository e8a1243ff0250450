// `galileo adapter`: the pod adapter of a Kubernetes cluster, until it is told to stop.
#include "pods/adapter.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "base/log.h"
#include "base/resident.h"
#include "bus/keys.h"
#include "commands/bus_daemon.h"
#include "commands/bus_options.h"
#include "commands/commands.h"
#include "commands/etcd_flags.h"
#include "commands/exit_codes.h"
#include "commands/kubernetes_access.h"
#include "commands/log_level.h"
#include "commands/options.h"
#include "commands/status_page.h"
#include "experiment/caretaker.h"
#include "kubernetes/api.h"
#include "telemetry/machine.h"

namespace galileo::commands {
namespace {

constexpr std::string_view kOldRedis = "telemd_kubernetes_adapter_redis_";
constexpr const char* kOldLocation = "telemd_kubernetes_adapter_location";
// A call under way and one more end within the second that a stop may take.
constexpr Duration kCallTimeout = std::chrono::milliseconds{400};

struct AdapterFlags {
  std::string bus;
  std::string kubeconfig;
  std::string context;
  std::string location;
  std::string status;
};

Result<kubernetes::Access> place_of_cluster(const AdapterFlags& flags) {
  const Said location = said(flags.location, "--location", kOldLocation);
  if (!location.value.empty() && location.value != "local" && location.value != "cluster")
    return Error{ErrorCode::kUsage, fmt::format("'{}' isn't a place of an adapter", location.value),
                 location.name, "it is either beside the cluster or in it",
                 "use local (KUBECONFIG says where) or cluster (the service account does)"};
  return kubernetes_access(flags.kubeconfig, flags.context,
                           location.value == "cluster" && flags.kubeconfig.empty());
}

Result<void> serve(const AdapterFlags& flags) {
  keep_heap_small();
  TRY(set_log_level_by_environment(LogLevel::kInfo, "telemd_logging_level"));
  bus::BusOptions where = TRY(bus_options_of(kOldRedis, flags.bus));
  where.call_timeout = kCallTimeout;
  const auto status = TRY(status_address(flags.status));
  const kubernetes::Access access = TRY(place_of_cluster(flags));
  BusDaemon daemon;
  if (!TRY(daemon.begin(status, where))) return {};
  const auto api = TRY(kubernetes::Api::make(daemon.control(), access));
  pods::EventPublisherOptions options;
  const std::string id =
      fmt::format("{}:{}:{}", telemetry::hostname(), getpid(),
                  net::RealClock::wall_now().time_since_epoch() / std::chrono::milliseconds{1});
  options.mark_key = "galileo:adapter:" + id;
  options.alive_key = bus::adapter_key(id);
  const experiment::Outside outside{TRY(experiment_etcd_options({})), &daemon.bus()};
  pods::Adapter adapter(daemon.control(), *api, daemon.bus(), std::move(options));
  daemon.tell([&adapter] { return adapter.metrics(); }, [&adapter] { return adapter.trouble(); });
  log(LogLevel::kInfo, "adapter",
      {{"cluster", access.server()}, {"by", access.told_by}, {"bus", daemon.bus().where()}});
  // What killed runs have left goes within a minute of their lease's end.
  const experiment::Caretaker caretaker(access, outside,
                                        {access.name_space, telemetry::hostname()});
  daemon.run();
  log(LogLevel::kInfo, "stopping");
  return {};
}

}  // namespace

int adapter(const Arguments& arguments) {
  AdapterFlags flags;
  CLI::App app(
      "Run the pod adapter of a Kubernetes cluster: it tells the bus what becomes of pods,\n"
      "containers, nodes and autoscalers, and keeps the labels of nodes there. It needs the\n"
      "right to list and watch pods and nodes, and tells more with that for\n"
      "horizontalpodautoscalers and events.\n\n"
      "example:\n"
      "  galileo adapter --kubeconfig ~/.kube/config --bus redis://127.0.0.1:6379\n",
      "galileo adapter");
  app.add_option("--bus", flags.bus,
                 "redis://[user[:password]@]host[:port][/database], rediss:// over TLS, or "
                 "unix:///path [telemd_kubernetes_adapter_redis_url, or _redis_host and "
                 "_redis_port; _redis_password; else galileo_redis_*; redis://localhost:6379]");
  app.add_option("--kubeconfig", flags.kubeconfig,
                 "[KUBECONFIG, ~/.kube/config, or the service account in a pod]");
  app.add_option("--context", flags.context, "of the kubeconfig [the current one]");
  app.add_option("--location", flags.location,
                 "local: as the kubeconfig says; cluster: the service account "
                 "[telemd_kubernetes_adapter_location, or whichever there is]");
  app.add_option("--status", flags.status, "host:port of /healthz, /readyz and /metrics [none]");
  if (const auto over = parse_options(app, arguments)) return *over;
  const auto served = serve(flags);
  return served.ok() ? static_cast<int>(kFine) : fail("adapter", served.error());
}

}  // namespace galileo::commands
