// The names on the bus, all of them: channels, lists and keys (docs/wire/bus.md), as the old system
// has them, and the few of ours. Constants and pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace galileo::bus {

// The queue of experiments, on wire::bus_channel().
inline constexpr std::string_view kExperimentQueue = "galileo:experiments:queue";

// Ours (docs/wire/daemon.md). An item that a daemon has taken stands in a list of that daemon's
// until its experiment is over; what was removed for good is remembered for a while.
inline constexpr std::string_view kAllTaken = "galileo:experiments:taken:*";  // a pattern
inline std::string taken_key(std::string_view daemon) {
  return "galileo:experiments:taken:" + std::string(daemon);
}
inline std::string gone_key(std::string_view experiment) {
  return "galileo:experiments:gone:" + std::string(experiment);
}
// Which daemon looks after rows and lists just now; expires.
inline constexpr std::string_view kKeeper = "galileo:experiments:keeper";

// Ours: who has the fleet; expires. The last claim's number. The clients that a claim has made.
inline constexpr std::string_view kFleetLease = "galileo:fleet:lease";
inline constexpr std::string_view kFleetClaims = "galileo:fleet:claims";
inline constexpr std::string_view kAllFleetClients = "galileo:fleet:clients:*";  // a pattern
inline std::string fleet_clients_key(std::uint64_t claim) {
  return "galileo:fleet:clients:" + std::to_string(claim);
}

// Ours: a daemon that lives; expires. What a run tells while it goes on, and a channel for it.
inline constexpr std::string_view kAllDaemons = "galileo:daemon:*";  // a pattern
inline std::string daemon_key(std::string_view daemon) {
  return "galileo:daemon:" + std::string(daemon);
}
inline std::string live_key(std::string_view experiment, std::string_view what) {
  return "galileo:live:" + std::string(experiment) + ":" + std::string(what);
}
inline std::string live_channel(std::string_view experiment) {
  return "galileo/live/" + std::string(experiment);
}
// A remote (bus/rpc.h).
inline std::string run_order_function(std::string_view experiment) {
  return "Run.order:" + std::string(experiment);
}

// Workers and clients. A worker's labels are the hash of its name, a client's recorded profile is
// the list of its id.
inline constexpr std::string_view kWorkers = "galileo:workers";
inline constexpr std::string_view kAllWorkerClients = "galileo:worker:*:clients";  // a pattern

inline std::string worker_labels_key(std::string_view worker) {
  return std::string(worker);
}
inline std::string worker_clients_key(std::string_view worker) {
  return "galileo:worker:" + std::string(worker) + ":clients";
}
inline std::string client_key(std::string_view client_id) {
  return "galileo:client:" + std::string(client_id);
}
inline std::string client_profile_key(std::string_view client_id) {
  return std::string(client_id);
}
// Ours: there while the worker lives, it expires when the worker no longer says so.
inline std::string worker_heartbeat_key(std::string_view worker) {
  return "galileo:worker:" + std::string(worker) + ":heartbeat";
}

// Ours: bytes that a run's workers take, in pieces, for a quarter of an hour at most.
inline std::string run_content_key(std::string_view run, std::string_view hash) {
  return "galileo:run:" + std::string(run) + ":content:" + std::string(hash);
}

// The routing table.
inline constexpr std::string_view kRoutingServices = "routing:services";
inline constexpr std::string_view kRoutingUpdates = "routing:updates";  // a channel

inline std::string routing_hosts_key(std::string_view service) {
  return "routing:hosts:" + std::string(service);
}
inline std::string routing_weights_key(std::string_view service) {
  return "routing:weights:" + std::string(service);
}

// What experiments are made of.
inline constexpr std::string_view kTraces = "galileo/results/traces";
// The same, as a pattern: who listens by it isn't counted among the channel's subscribers by name.
inline constexpr std::string_view kTracesPattern = "galileo/results/trace[s]";
// Ours: many traces a message (docs/wire/trace_batches.md); each worker's report of a run
// (docs/how-to/fleet.md).
inline constexpr std::string_view kTraceBatches = "galileo/results/batches";
inline constexpr std::string_view kAllResults = "galileo/results/*";  // a pattern
inline constexpr std::string_view kReports = "galileo/fleet/reports";
inline constexpr std::string_view kEvents = "galileo/events";
// Ours: a recorder to itself, to know that all from before has come.
inline std::string recorder_mark_channel(std::string_view id) {
  return "galileo/recorder/mark:" + std::string(id);
}

// Ours: a pod adapter that lives has one, which goes some seconds after its last sign of life.
inline constexpr std::string_view kAllAdapters = "galileo:adapters:*";  // a pattern
inline std::string adapter_key(std::string_view id) {
  return "galileo:adapters:" + std::string(id);
}

// Ours: pods of applications and gateways that an adapter has told of, as a hash by their uids: the
// event that it would tell now. It goes as the adapter's key does.
inline constexpr std::string_view kToldPods = "galileo:adapter:pods";

// Fault agents: a node's listens on the family's channel; what they did is said on ours.
inline std::string fault_channel(std::string_view node) {
  return "edgechaos/" + std::string(node);
}
inline constexpr std::string_view kFaultReports = "galileo/chaos";

// Telemetry.
inline constexpr std::string_view kAllTelemetry = "telem/*";             // a pattern
inline constexpr std::string_view kAllTelemetryCommands = "telemcmd/*";  // a pattern: the nodes

// telem/<node>/<metric>[/<subsystem>]
inline std::string telemetry_channel(std::string_view node, std::string_view metric,
                                     std::string_view subsystem = {}) {
  std::string channel = "telem/" + std::string(node) + "/" + std::string(metric);
  if (!subsystem.empty()) channel += "/" + std::string(subsystem);
  return channel;
}
inline std::string telemetry_command_channel(std::string_view node) {
  return "telemcmd/" + std::string(node);
}
inline std::string node_info_key(std::string_view node) {
  return "telemd.info:" + std::string(node);
}

}  // namespace galileo::bus
