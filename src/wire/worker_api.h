// What a shell and its workers say to each other over the bus: the records of docs/wire/bus.md,
// those of the calls among them, and the names of the channels that they travel on. For each record
// there is a plain struct, encode() and a decode_...(): what the old system sent, decoded and
// encoded again, has the same bytes. Fields of free form are kept as texts of JSON (wire/json.h
// reads them).
//
// Each decode_...() takes the array form and the object form, wrapped with their class or bare;
// Tag::kRequired records must say their class. An Error (kCorrupt) names the class and the field.
// Values and pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "wire/record.h"

namespace galileo::wire {

// Shell to all workers: say who you are (each answers with a RegisterWorkerEvent).
struct RegisterWorkerCommand {
  static constexpr std::string_view kType = "galileo.worker.api.RegisterWorkerCommand";
  bool operator==(const RegisterWorkerCommand&) const = default;
};

// Shell to all workers: traces are published, or dropped, from now on.
struct StartTracingCommand {
  static constexpr std::string_view kType = "galileo.worker.api.StartTracingCommand";
  bool operator==(const StartTracingCommand&) const = default;
};
struct PauseTracingCommand {
  static constexpr std::string_view kType = "galileo.worker.api.PauseTracingCommand";
  bool operator==(const PauseTracingCommand&) const = default;
};

// A worker has come, or goes.
struct RegisterWorkerEvent {
  static constexpr std::string_view kType = "galileo.worker.api.RegisterWorkerEvent";
  std::string name;
  bool operator==(const RegisterWorkerEvent&) const = default;
};
struct UnregisterWorkerEvent {
  static constexpr std::string_view kType = "galileo.worker.api.UnregisterWorkerEvent";
  std::string name;
  bool operator==(const UnregisterWorkerEvent&) const = default;
};

// What a client does, whoever runs it.
struct ClientConfig {
  static constexpr std::string_view kType = "galileo.worker.api.ClientConfig";
  std::string service;
  std::optional<std::string> client;  // name of an app; none: the default request
  std::string parameters;             // JSON object, the request or what the app is given; or empty
  std::string worker_labels;          // JSON object, see labels_of(); or empty
  bool operator==(const ClientConfig&) const = default;
};

// A client that a worker runs. Kept in its key as a bare array: encode_bare().
struct ClientDescription {
  static constexpr std::string_view kType = "galileo.worker.api.ClientDescription";
  std::string client_id;  // "<worker>:<service>:<counter>"
  std::string worker;
  ClientConfig config;
  bool operator==(const ClientDescription&) const = default;
};

// How far a client is.
struct ClientInfo {
  static constexpr std::string_view kType = "galileo.worker.api.ClientInfo";
  ClientDescription description;
  std::uint64_t requests = 0;  // answered or failed
  std::uint64_t failed = 0;    // status below 0 or from 300
  bool operator==(const ClientInfo&) const = default;
};

// Shell to one worker, as the argument of a call: make `num` clients.
struct CreateClientCommand {
  static constexpr std::string_view kType = "galileo.worker.api.CreateClientCommand";
  std::string host;  // the worker's name
  ClientConfig config;
  std::uint64_t num = 1;
  bool operator==(const CreateClientCommand&) const = default;
};

struct CloseClientCommand {
  static constexpr std::string_view kType = "galileo.worker.api.CloseClientCommand";
  std::string client_id;
  bool operator==(const CloseClientCommand&) const = default;
};

struct StopWorkloadCommand {
  static constexpr std::string_view kType = "galileo.worker.api.StopWorkloadCommand";
  std::string client_id;
  bool operator==(const StopWorkloadCommand&) const = default;
};

// A client has sent the last request of its workload.
struct WorkloadDoneEvent {
  static constexpr std::string_view kType = "galileo.worker.api.WorkloadDoneEvent";
  std::string client_id;
  bool operator==(const WorkloadDoneEvent&) const = default;
};

// Shell to one client: from now on, these requests (docs/wire/workload.md).
struct SetWorkloadCommand {
  static constexpr std::string_view kType = "galileo.worker.api.SetWorkloadCommand";
  std::string client_id;
  std::optional<std::uint64_t> num;  // how many requests; none (and 0): without end
  std::string distribution = "constant";
  std::optional<std::vector<Number>> parameters;  // of a distribution but prerecorded
  // What stands where prerecorded has no parameters: ["ran"] as a rule. JSON or empty.
  std::string ignored;
  bool operator==(const SetWorkloadCommand&) const = default;
};
inline constexpr std::string_view kPrerecorded = "prerecorded";

// A call: published on bus_channel(fn), answered by a push to the list
// bus_channel(response_channel).
struct RpcRequest {
  static constexpr std::string_view kType = "pymq.core.RpcRequest";
  std::string fn;
  std::string response_channel;  // "__rpc_<uuid>"
  std::string args = "[]";       // JSON array, see argument_of()
  std::string kwargs = "{}";     // JSON object
  bool operator==(const RpcRequest&) const = default;
};

struct RpcResponse {
  static constexpr std::string_view kType = "pymq.core.RpcResponse";
  std::string fn;
  std::string result;  // JSON; of an error: the array of the exception's arguments. Empty: null
  std::string result_type;  // Python's name of the type or class: "str", "list", "TimeoutError"
  bool error = false;
  bool operator==(const RpcResponse&) const = default;
};

// {"__obj": [...], "__type": "..."}: what is published, pushed and queued.
std::string encode(const RegisterWorkerCommand& record);
std::string encode(const StartTracingCommand& record);
std::string encode(const PauseTracingCommand& record);
std::string encode(const RegisterWorkerEvent& record);
std::string encode(const UnregisterWorkerEvent& record);
std::string encode(const ClientConfig& record);
std::string encode(const ClientDescription& record);
std::string encode(const ClientInfo& record);
std::string encode(const CreateClientCommand& record);
std::string encode(const CloseClientCommand& record);
std::string encode(const StopWorkloadCommand& record);
std::string encode(const WorkloadDoneEvent& record);
std::string encode(const SetWorkloadCommand& record);
std::string encode(const RpcRequest& record);
std::string encode(const RpcResponse& record);

Result<RegisterWorkerCommand> decode_register_worker_command(std::string_view text);
Result<StartTracingCommand> decode_start_tracing_command(std::string_view text);
Result<PauseTracingCommand> decode_pause_tracing_command(std::string_view text);
Result<RegisterWorkerEvent> decode_register_worker_event(std::string_view text);
Result<UnregisterWorkerEvent> decode_unregister_worker_event(std::string_view text);
Result<ClientConfig> decode_client_config(std::string_view text);
Result<ClientDescription> decode_client_description(std::string_view text);
Result<ClientInfo> decode_client_info(std::string_view text);
Result<CreateClientCommand> decode_create_client_command(std::string_view text);
Result<CloseClientCommand> decode_close_client_command(std::string_view text);
Result<StopWorkloadCommand> decode_stop_workload_command(std::string_view text);
Result<WorkloadDoneEvent> decode_workload_done_event(std::string_view text);
Result<SetWorkloadCommand> decode_set_workload_command(std::string_view text);
Result<RpcRequest> decode_rpc_request(std::string_view text);    // must say its class
Result<RpcResponse> decode_rpc_response(std::string_view text);  // must say its class

// Who calls what, without the arguments, of a call that decode_rpc_request() can't read for any
// reason, be it that it isn't JSON behind its beginning: NaN, or half of a character, which Python
// writes. Nothing where it doesn't say.
std::optional<RpcRequest> unreadable_call(std::string_view text);

// Whose workload it is, of a message that decode_set_workload_command() can't read for any reason,
// be it that it isn't JSON behind its beginning. Nothing where it doesn't say.
std::optional<std::string> workload_client(std::string_view text);

// The array form without its class, as it stands in calls, answers and keys.
std::string encode_bare(const ClientDescription& record);
std::string encode_bare(const ClientInfo& record);
std::string encode_bare(const CreateClientCommand& record);

// The answer to create_client: "[[...], ...]", its result_type is "list".
std::string encode_bare(const std::vector<ClientDescription>& records);
Result<std::vector<ClientDescription>> decode_client_descriptions(std::string_view text);

// The text of the JSON of an argument, by its position or its name. An Error where the call has
// neither.
Result<std::string> argument_of(const RpcRequest& request, std::size_t position,
                                std::string_view name);

// A JSON text's characters: the answer to ping is one.
Result<std::string> decode_text(std::string_view json);

// Labels and their values, in order; a value that is no text is its JSON. Empty: none.
using Labels = std::vector<std::pair<std::string, std::string>>;
Result<Labels> decode_labels(std::string_view json);
std::string encode_labels(const Labels& labels);  // none: empty

// Channels and lists of the event bus all begin with this.
inline constexpr std::string_view kBusPrefix = "__eventbus:global:";
std::string bus_channel(std::string_view name);    // of a remote function, an answer or a queue
std::string event_channel(std::string_view type);  // of an event, by its class: X::kType

// Remote functions, as RpcRequest::fn has them.
inline constexpr std::string_view kPing = "WorkerDaemon.ping";      // each worker
inline constexpr std::string_view kClientInfo = "Client.get_info";  // each client
std::string create_client_function(std::string_view worker);        // one worker

}  // namespace galileo::wire
