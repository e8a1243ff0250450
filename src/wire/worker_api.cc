#include "wire/worker_api.h"

#include <fmt/format.h>

#include <concepts>
#include <initializer_list>

#include "base/text.h"

namespace galileo::wire {
namespace {

// Each record's fields stand once, in the order of docs/wire/bus.md: a RecordReader goes over them
// to fill a record, a RecordWriter to write one (so the record may be const).
template <class T, class Record>
concept Is = std::same_as<std::remove_const_t<T>, Record>;

template <class T>
concept HasNoFields =
    Is<T, RegisterWorkerCommand> || Is<T, StartTracingCommand> || Is<T, PauseTracingCommand>;
template <class T>
concept NamesAWorker = Is<T, RegisterWorkerEvent> || Is<T, UnregisterWorkerEvent>;
template <class T>
concept NamesAClient =
    Is<T, CloseClientCommand> || Is<T, StopWorkloadCommand> || Is<T, WorkloadDoneEvent>;

void each_field(auto&, HasNoFields auto&) {}

void each_field(auto& visit, NamesAWorker auto& record) {
  visit.field("name", record.name);
}

void each_field(auto& visit, NamesAClient auto& record) {
  visit.field("client_id", record.client_id);
}

void each_field(auto& visit, Is<ClientConfig> auto& record) {
  visit.field("service", record.service);
  visit.optional("client", record.client);
  visit.optional_json("parameters", record.parameters, Json::Kind::kObject);
  visit.optional_json("worker_labels", record.worker_labels, Json::Kind::kObject);
}

void each_field(auto& visit, Is<ClientDescription> auto& record) {
  visit.field("client_id", record.client_id);
  visit.field("worker", record.worker);
  visit.record("config", ClientConfig::kType,
               [&](auto& inner) { each_field(inner, record.config); });
}

void each_field(auto& visit, Is<ClientInfo> auto& record) {
  visit.record("description", ClientDescription::kType,
               [&](auto& inner) { each_field(inner, record.description); });
  visit.field("requests", record.requests);
  visit.field("failed", record.failed);
}

void each_field(auto& visit, Is<CreateClientCommand> auto& record) {
  visit.field("host", record.host);
  visit.record("config", ClientConfig::kType,
               [&](auto& inner) { each_field(inner, record.config); });
  visit.optional("num", record.num);
}

void each_field(auto& visit, Is<SetWorkloadCommand> auto& record) {
  visit.field("client_id", record.client_id);
  visit.optional("num", record.num);
  visit.optional("distribution", record.distribution);
  if (record.distribution == kPrerecorded)
    visit.optional_json("parameters", record.ignored);
  else
    visit.optional("parameters", record.parameters);
}

void each_field(auto& visit, Is<RpcRequest> auto& record) {
  visit.field("fn", record.fn);
  visit.field("response_channel", record.response_channel);
  visit.json("args", record.args, Json::Kind::kArray);
  visit.json("kwargs", record.kwargs, Json::Kind::kObject);
}

void each_field(auto& visit, Is<RpcResponse> auto& record) {
  visit.field("fn", record.fn);
  visit.json("result", record.result);
  visit.field("result_type", record.result_type);
  visit.field("error", record.error);
}

template <class Record>
void append(std::string& to, const Record& record) {
  RecordWriter writer(to);
  each_field(writer, record);
  writer.end();
}

template <class Record>
std::string bare(const Record& record) {
  std::string text;
  append(text, record);
  return text;
}

template <class Record>
std::string wrapped(const Record& record) {
  return wrap_record(bare(record), Record::kType);
}

template <class Record>
Result<Record> read(const Json& json, Tag tag) {
  Record record;
  RecordReader reader(json, Record::kType, tag);
  each_field(reader, record);
  TRY(reader.result());
  return record;
}

// What can't be parsed is told with the class that it should have been.
Result<Json> parse(std::string_view text, std::string_view type) {
  Result<Json> json = parse_json(text);
  if (!json.ok()) json.error().where = type;
  return json;
}

template <class Record>
Result<Record> decoded(std::string_view text, Tag tag = Tag::kOptional) {
  const Json json = TRY(parse(text, Record::kType));
  return read<Record>(json, tag);
}

// The text that stands there as JSON, whatever follows it: that is in `rest`.
std::optional<std::string> leading_text(std::string_view json, std::string_view* rest = nullptr) {
  if (!json.starts_with('"')) return std::nullopt;
  for (std::size_t i = 1; i < json.size(); ++i) {
    if (json[i] == '\\') {
      ++i;
      continue;
    }
    if (json[i] != '"') continue;
    const Result<std::string> text = decode_text(json.substr(0, i + 1));
    if (rest) *rest = json.substr(i + 1);
    return text.ok() ? std::optional(*text) : std::nullopt;
  }
  return std::nullopt;
}

// What stands behind these words, which may have white space between them.
std::optional<std::string_view> behind(std::string_view text,
                                       std::initializer_list<std::string_view> words) {
  for (const std::string_view word : words) {
    text = trim(text);
    if (!text.starts_with(word)) return std::nullopt;
    text.remove_prefix(word.size());
  }
  return trim(text);
}

Error no_argument(const RpcRequest& request, std::string_view name, std::string why) {
  return Error{ErrorCode::kCorrupt,
               fmt::format("can't read the argument '{}'", name),
               request.fn,
               std::move(why),
               {}};
}

}  // namespace

std::string encode(const RegisterWorkerCommand& record) {
  return wrapped(record);
}
std::string encode(const StartTracingCommand& record) {
  return wrapped(record);
}
std::string encode(const PauseTracingCommand& record) {
  return wrapped(record);
}
std::string encode(const RegisterWorkerEvent& record) {
  return wrapped(record);
}
std::string encode(const UnregisterWorkerEvent& record) {
  return wrapped(record);
}
std::string encode(const ClientConfig& record) {
  return wrapped(record);
}
std::string encode(const ClientDescription& record) {
  return wrapped(record);
}
std::string encode(const ClientInfo& record) {
  return wrapped(record);
}
std::string encode(const CreateClientCommand& record) {
  return wrapped(record);
}
std::string encode(const CloseClientCommand& record) {
  return wrapped(record);
}
std::string encode(const StopWorkloadCommand& record) {
  return wrapped(record);
}
std::string encode(const WorkloadDoneEvent& record) {
  return wrapped(record);
}
std::string encode(const SetWorkloadCommand& record) {
  return wrapped(record);
}
std::string encode(const RpcRequest& record) {
  return wrapped(record);
}
std::string encode(const RpcResponse& record) {
  return wrapped(record);
}

Result<RegisterWorkerCommand> decode_register_worker_command(std::string_view text) {
  return decoded<RegisterWorkerCommand>(text);
}
Result<StartTracingCommand> decode_start_tracing_command(std::string_view text) {
  return decoded<StartTracingCommand>(text);
}
Result<PauseTracingCommand> decode_pause_tracing_command(std::string_view text) {
  return decoded<PauseTracingCommand>(text);
}
Result<RegisterWorkerEvent> decode_register_worker_event(std::string_view text) {
  return decoded<RegisterWorkerEvent>(text);
}
Result<UnregisterWorkerEvent> decode_unregister_worker_event(std::string_view text) {
  return decoded<UnregisterWorkerEvent>(text);
}
Result<ClientConfig> decode_client_config(std::string_view text) {
  return decoded<ClientConfig>(text);
}
Result<ClientDescription> decode_client_description(std::string_view text) {
  return decoded<ClientDescription>(text);
}
Result<ClientInfo> decode_client_info(std::string_view text) {
  return decoded<ClientInfo>(text);
}
Result<CreateClientCommand> decode_create_client_command(std::string_view text) {
  return decoded<CreateClientCommand>(text);
}
Result<CloseClientCommand> decode_close_client_command(std::string_view text) {
  return decoded<CloseClientCommand>(text);
}
Result<StopWorkloadCommand> decode_stop_workload_command(std::string_view text) {
  return decoded<StopWorkloadCommand>(text);
}
Result<WorkloadDoneEvent> decode_workload_done_event(std::string_view text) {
  return decoded<WorkloadDoneEvent>(text);
}
Result<SetWorkloadCommand> decode_set_workload_command(std::string_view text) {
  return decoded<SetWorkloadCommand>(text);
}
Result<RpcRequest> decode_rpc_request(std::string_view text) {
  return decoded<RpcRequest>(text, Tag::kRequired);
}
Result<RpcResponse> decode_rpc_response(std::string_view text) {
  return decoded<RpcResponse>(text, Tag::kRequired);
}

std::optional<RpcRequest> unreadable_call(std::string_view text) {
  if (text.find(RpcRequest::kType) == std::string_view::npos) return std::nullopt;
  const auto function_at = behind(text, {"{", "\"__obj\"", ":", "["});
  if (!function_at) return std::nullopt;
  std::string_view rest;
  const std::optional<std::string> function = leading_text(*function_at, &rest);
  const auto channel_at = function ? behind(rest, {","}) : std::nullopt;
  const std::optional<std::string> channel = channel_at ? leading_text(*channel_at) : std::nullopt;
  if (!channel || channel->empty()) return std::nullopt;
  RpcRequest request;
  request.fn = *function;
  request.response_channel = *channel;
  return request;
}

std::optional<std::string> workload_client(std::string_view text) {
  if (const Result<Json> json = parse_json(text); json.ok()) {
    const Json* inside = find(*json, "__obj");
    const Json& fields = inside ? *inside : *json;
    const bool is_array = fields.kind == Json::Kind::kArray;
    const Json* id = is_array ? (fields.items.empty() ? nullptr : &fields.items.front())
                              : find(fields, "client_id");
    return id && id->kind == Json::Kind::kText ? std::optional(id->text) : std::nullopt;
  }
  // Such as [NaN], which Python writes. Our side of a form begins with the id.
  std::optional<std::string_view> fields = behind(text, {"{", "\"__obj\"", ":"});
  if (!fields) fields = trim(text);
  std::optional<std::string_view> id = behind(*fields, {"["});
  if (!id) id = behind(*fields, {"{", "\"client_id\"", ":"});
  return id ? leading_text(*id) : std::nullopt;
}

std::string encode_bare(const ClientDescription& record) {
  return bare(record);
}
std::string encode_bare(const ClientInfo& record) {
  return bare(record);
}
std::string encode_bare(const CreateClientCommand& record) {
  return bare(record);
}

std::string encode_bare(const std::vector<ClientDescription>& records) {
  std::string text = "[";
  for (const ClientDescription& record : records) {
    if (text.size() > 1) text += ", ";
    append(text, record);
  }
  return text + "]";
}

Result<std::vector<ClientDescription>> decode_client_descriptions(std::string_view text) {
  const Json json = TRY(parse(text, ClientDescription::kType));
  const std::vector<Json>* items = TRY(records_of(json, ClientDescription::kType));
  std::vector<ClientDescription> records;
  records.reserve(items->size());
  for (const Json& item : *items)
    records.push_back(TRY(read<ClientDescription>(item, Tag::kOptional)));
  return records;
}

Result<std::string> argument_of(const RpcRequest& request, std::size_t position,
                                std::string_view name) {
  const Result<Json> args = parse_json(request.args.empty() ? "[]" : request.args);
  if (!args.ok()) return no_argument(request, name, args.error().why);
  if (args->kind == Json::Kind::kArray && position < args->items.size())
    return to_text(args->items[position]);
  const Result<Json> kwargs = parse_json(request.kwargs.empty() ? "{}" : request.kwargs);
  if (!kwargs.ok()) return no_argument(request, name, kwargs.error().why);
  const Json* named = find(*kwargs, name);
  if (!named) return no_argument(request, name, "the call doesn't have it");
  return to_text(*named);
}

Result<std::string> decode_text(std::string_view text) {
  const Json json = TRY(parse(text, "str"));
  if (json.kind != Json::Kind::kText)
    return Error{ErrorCode::kCorrupt,
                 "can't read the text",
                 {},
                 fmt::format("it is {}", kind_name(json.kind)),
                 {}};
  return json.text;
}

Result<Labels> decode_labels(std::string_view text) {
  Labels labels;
  if (text.empty()) return labels;
  const Json json = TRY(parse(text, "worker_labels"));
  if (json.kind == Json::Kind::kNull) return labels;
  if (json.kind != Json::Kind::kObject)
    return Error{ErrorCode::kCorrupt,
                 "can't read the labels",
                 {},
                 fmt::format("they are {}, not an object", kind_name(json.kind)),
                 {}};
  for (std::size_t i = 0; i < json.keys.size(); ++i) {
    const Json& value = json.items[i];
    labels.emplace_back(json.keys[i],
                        value.kind == Json::Kind::kText ? value.text : to_text(value));
  }
  return labels;
}

std::string encode_labels(const Labels& labels) {
  if (labels.empty()) return {};
  std::string text = "{";
  for (const auto& [name, value] : labels) {
    if (text.size() > 1) text += ", ";
    text += json_text(name) + ": " + json_text(value);
  }
  return text + "}";
}

std::string bus_channel(std::string_view name) {
  return fmt::format("{}{}", kBusPrefix, name);
}

std::string event_channel(std::string_view type) {
  return bus_channel(type);
}

std::string create_client_function(std::string_view worker) {
  return fmt::format("WorkerDaemon.create_client:{}", worker);
}

}  // namespace galileo::wire
