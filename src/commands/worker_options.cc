#include "commands/worker_options.h"

#include <fmt/format.h>

#include "base/text.h"
#include "commands/client_apps.h"
#include "commands/options.h"
#include "commands/run_options.h"
#include "load/request_parameters.h"
#include "route/router.h"
#include "telemetry/machine.h"

namespace galileo::commands {
namespace {

// Each loop's ring has room for four of them, a spool's record and a line on the bus for one.
constexpr std::uint32_t kResponseKeptMax = 4u << 20;

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

}  // namespace

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
  options.counts_requests = !flags.status.empty() || !flags.metrics.empty();
  options.apps = app_settings();
  TRY(apps::read_settings(options.apps));
  return options;
}

}  // namespace galileo::commands
