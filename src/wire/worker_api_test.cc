#include "wire/worker_api.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <vector>

namespace galileo::wire {
namespace {

template <class Record>
std::string again(const Result<Record>& record) {
  return record.ok() ? encode(*record) : record.error().to_text();
}

// A message of any class, decoded and encoded again; what is wrong where that fails.
std::string again(const std::string& type, std::string_view text) {
  if (type == RegisterWorkerCommand::kType) return again(decode_register_worker_command(text));
  if (type == StartTracingCommand::kType) return again(decode_start_tracing_command(text));
  if (type == PauseTracingCommand::kType) return again(decode_pause_tracing_command(text));
  if (type == RegisterWorkerEvent::kType) return again(decode_register_worker_event(text));
  if (type == UnregisterWorkerEvent::kType) return again(decode_unregister_worker_event(text));
  if (type == ClientConfig::kType) return again(decode_client_config(text));
  if (type == ClientDescription::kType) return again(decode_client_description(text));
  if (type == ClientInfo::kType) return again(decode_client_info(text));
  if (type == CreateClientCommand::kType) return again(decode_create_client_command(text));
  if (type == CloseClientCommand::kType) return again(decode_close_client_command(text));
  if (type == StopWorkloadCommand::kType) return again(decode_stop_workload_command(text));
  if (type == WorkloadDoneEvent::kType) return again(decode_workload_done_event(text));
  if (type == SetWorkloadCommand::kType) return again(decode_set_workload_command(text));
  if (type == RpcRequest::kType) return again(decode_rpc_request(text));
  if (type == RpcResponse::kType) return again(decode_rpc_response(text));
  return "unknown class " + type;
}

// The records inside a call or its answer, decoded and encoded again.
void check_inside(const std::string& type, std::string_view text) {
  if (type == RpcRequest::kType) {
    const RpcRequest request = *decode_rpc_request(text);
    if (!request.fn.starts_with("WorkerDaemon.create_client:")) return;
    const Result<std::string> argument = argument_of(request, 0, "cmd");
    REQUIRE(argument.ok());
    const auto command = decode_create_client_command(*argument);
    REQUIRE(command.ok());
    CHECK(encode_bare(*command) == *argument);
  } else if (type == RpcResponse::kType) {
    const RpcResponse response = *decode_rpc_response(text);
    if (response.result_type == "list") {
      const auto descriptions = decode_client_descriptions(response.result);
      REQUIRE(descriptions.ok());
      CHECK(encode_bare(*descriptions) == response.result);
    } else if (response.result_type == ClientInfo::kType) {
      const auto info = decode_client_info(response.result);
      REQUIRE(info.ok());
      CHECK(encode_bare(*info) == response.result);
    } else {
      CHECK(json_text(*decode_text(response.result)) == response.result);
    }
  }
}

void check_message(const std::string& text) {
  CAPTURE(text);
  const Result<Json> json = parse_json(text);
  REQUIRE(json.ok());
  const Json* type = find(*json, "__type");
  REQUIRE(type);
  REQUIRE(again(type->text, text) == text);
  check_inside(type->text, text);
}

// A few of the recorded ones, so that something is proven without the recordings too.
TEST_CASE("messages of the old system are encoded again to the same bytes") {
  const std::vector<std::string> messages{
      R"({"__obj": [], "__type": "galileo.worker.api.RegisterWorkerCommand"})",
      R"({"__obj": [], "__type": "galileo.worker.api.StartTracingCommand"})",
      R"({"__obj": [], "__type": "galileo.worker.api.PauseTracingCommand"})",
      R"({"__obj": ["node-a"], "__type": "galileo.worker.api.RegisterWorkerEvent"})",
      R"({"__obj": ["node-a"], "__type": "galileo.worker.api.UnregisterWorkerEvent"})",
      R"({"__obj": ["node-b:img:1"], "__type": "galileo.worker.api.CloseClientCommand"})",
      R"({"__obj": ["node-b:hello:0"], "__type": "galileo.worker.api.StopWorkloadCommand"})",
      R"({"__obj": ["node-b:hello:0"], "__type": "galileo.worker.api.WorkloadDoneEvent"})",
      R"({"__obj": ["node-b:hello:0", 4, "constant", [0.03]], "__type": "galileo.worker.api.SetWorkloadCommand"})",
      R"({"__obj": ["node-b:hello:0", null, "constant", [0.05]], "__type": "galileo.worker.api.SetWorkloadCommand"})",
      R"({"__obj": ["node-a:hello:2", 3, "constant", null], "__type": "galileo.worker.api.SetWorkloadCommand"})",
      R"({"__obj": ["node-b:hello:0", null, "prerecorded", []], "__type": "galileo.worker.api.SetWorkloadCommand"})",
      R"({"__obj": ["node-b:hello:0", null, "prerecorded", ["ran"]], "__type": "galileo.worker.api.SetWorkloadCommand"})",
      R"({"__obj": ["node-b:hello:0", 7, "prerecorded", {"a": [null]}], "__type": "galileo.worker.api.SetWorkloadCommand"})",
      R"({"__obj": ["node-b:hello:0", 4, "lognormvariate", [-4, 0.2]], "__type": "galileo.worker.api.SetWorkloadCommand"})",
      R"({"__obj": ["node-b:hello:0", 4, "constant", [1e-11, 1.0, 1e+16]], "__type": "galileo.worker.api.SetWorkloadCommand"})",
      R"({"__obj": ["WorkerDaemon.ping", "__rpc_37f61088-1de2-443b-b2df-15b69f3f42fe", [], {}], "__type": "pymq.core.RpcRequest"})",
      R"({"__obj": ["WorkerDaemon.ping", "node-b", "str", false], "__type": "pymq.core.RpcResponse"})",
      R"({"__obj": ["WorkerDaemon.create_client:w1", "__rpc_1", [["w1", ["img", null, {"method": "post", "path": "/p?x=1", "kwargs": {"json": {"k": "v", "\u00fc": [1, 2.5, null, true]}, "headers": {"X-A": "1,2|3"}, "params": {"q": "\u00e4 b"}, "timeout": 2.5}}, null], 2]], {}], "__type": "pymq.core.RpcRequest"})",
      R"({"__obj": ["WorkerDaemon.create_client:w1", [["w1:img:2", "w1", ["img", null, null, {"galileo_zone": "edge"}]], ["w1:img:3", "w1", ["img", null, null, {"galileo_zone": "edge"}]]], "list", false], "__type": "pymq.core.RpcResponse"})",
      R"({"__obj": ["Client.get_info", [["w1:noroute:4", "w1", ["noroute", null, null, null]], 2, 2], "galileo.worker.api.ClientInfo", false], "__type": "pymq.core.RpcResponse"})",
      R"({"__obj": ["w1", ["img", "app", null, null], 1], "__type": "galileo.worker.api.CreateClientCommand"})",
  };
  for (const std::string& message : messages) check_message(message);
}

// All messages of a recording: texts with a class, and clients' descriptions as stored.
int check_recording(const std::string& name) {
  const auto path = std::filesystem::path(GALILEO_SOURCE_DIR) / "../shared/vectors" / name;
  std::ifstream file(path);
  int messages = 0;
  for (std::string line; std::getline(file, line);) {
    const Result<Json> recorded = parse_json(line);
    REQUIRE(recorded.ok());
    std::vector<std::string> texts;
    for (const char* key : {"payload", "args"}) {
      const Json* found = find(*recorded, key);
      if (!found) continue;
      if (found->kind == Json::Kind::kText) texts.push_back(found->text);
      for (const Json& item : found->items) texts.push_back(item.text);
    }
    const bool call_or_event = find(*recorded, "command")->text == "PUBLISH" ||
                               find(*recorded, "command")->text == "LPUSH";
    for (const std::string& text : texts) {
      if (call_or_event && text.starts_with("{\"__obj\"")) {
        check_message(text);
        ++messages;
      } else if (find(*recorded, "command")->text == "SET" && text.starts_with("[\"")) {
        const auto description = decode_client_description(text);
        REQUIRE(description.ok());
        CHECK(encode_bare(*description) == text);
        ++messages;
      }
    }
  }
  return messages;
}

TEST_CASE("every recorded event, call, answer and client is encoded again to the same bytes") {
  if (!std::filesystem::exists(GALILEO_SOURCE_DIR "/../shared/vectors")) {
    MESSAGE("skipped: the recordings of ../shared/vectors aren't here");
    return;
  }
  CHECK(check_recording("bus-session.jsonl") == 87);
  CHECK(check_recording("shell-session.jsonl") == 49);
}

TEST_CASE("fields with a default may be left out, and null means the default") {
  const auto workload = decode_set_workload_command(R"({"client_id": "w:s:0"})");
  REQUIRE(workload.ok());
  CHECK(*workload == SetWorkloadCommand{"w:s:0", std::nullopt, "constant", std::nullopt, {}});
  const auto create = decode_create_client_command(R"({"host": "w", "config": {"service": "s"}})");
  REQUIRE(create.ok());
  CHECK(*create == CreateClientCommand{"w", ClientConfig{"s", std::nullopt, "", ""}, 1});
  CHECK(decode_create_client_command(R"(["w", ["s", null, null, null], null])")->num == 1);
}

TEST_CASE("a workload that can't be read says whose it is, wherever that can be read") {
  struct Case {
    const char* text;
    const char* client;  // null: it doesn't say
  };
  const std::vector<Case> cases{
      {R"({"__obj": ["w:s:0", "many", "constant", [1]], "__type": "x"})", "w:s:0"},
      {R"({"__obj": ["w:s:0", null, "expovariate", ["50"]]})", "w:s:0"},
      {R"({"__obj": {"client_id": "w:s:0", "num": -1}})", "w:s:0"},
      {R"(["w:s:0", 1.5])", "w:s:0"},
      {R"({"num": -1, "client_id": "w:\u00fc:0"})", "w:\xc3\xbc:0"},
      // Not JSON: as Python writes what isn't a number, and cut short.
      {R"({"__obj": ["w:s:0", null, "constant", [NaN]], "__type": "x"})", "w:s:0"},
      {R"( { "__obj" : [ "w:\"s:0", null, "con)", "w:\"s:0"},
      {R"({"client_id": "w:s:0", "parameters": [Infinity]})", "w:s:0"},
      {R"(["w:s:0", nul)", "w:s:0"},
      {R"({"__obj": {"client_id": "w:s:0", "num": NaN}})", "w:s:0"},
      {R"({"__obj": [7, NaN]})", nullptr},
      {R"({"__obj": ["w:s:0)", nullptr},
      {R"({"__obj": ["w:s:0\)", nullptr},
      {R"({"__obj": [7, 1]})", nullptr},
      {"[]", nullptr},
      {"7", nullptr},
      {"nonsense", nullptr},
      {"", nullptr},
  };
  for (const Case& wanted : cases) {
    CAPTURE(wanted.text);
    CHECK_FALSE(decode_set_workload_command(wanted.text).ok());
    const auto client = workload_client(wanted.text);
    CHECK(client.has_value() == (wanted.client != nullptr));
    if (client && wanted.client) CHECK(*client == wanted.client);
  }
}

TEST_CASE("a list of clients may hold arrays and objects, and say its class") {
  const auto wanted = decode_client_descriptions(R"([["w:s:0", "w", ["s", null, null, null]]])");
  REQUIRE(wanted.ok());
  for (
      const char* text :
      {R"([{"client_id": "w:s:0", "worker": "w", "config": {"service": "s"}}])",
       R"({"__list": [["w:s:0", "w", ["s", null, null, null]]], "__type": "galileo.worker.api.ClientDescription"})"}) {
    const auto found = decode_client_descriptions(text);
    REQUIRE(found.ok());
    CHECK(*found == *wanted);
  }
  CHECK(decode_client_descriptions("[]")->empty());
  CHECK(decode_client_descriptions("[[1]]").error().to_text() ==
        "can't read the record, galileo.worker.api.ClientDescription: client_id is a whole number, "
        "not a text");
}

TEST_CASE("a message that can't be read is an error with its class and the reason") {
  CHECK(decode_set_workload_command("{").error().to_text() ==
        "can't read the JSON, galileo.worker.api.SetWorkloadCommand: it isn't JSON at byte 2");
  CHECK(decode_rpc_request(R"(["f", "c", [], {}])").error().why == "it has no __type");
  CHECK(decode_rpc_response(R"({"fn": "f", "result": null, "result_type": "x", "error": false})")
            .error()
            .why == "it has no __type");
  CHECK(decode_rpc_request(R"({"__obj": ["f", "c", {}, {}], "__type": "pymq.core.RpcRequest"})")
            .error()
            .why == "args is an object, not an array");
  CHECK(decode_close_client_command(
            R"({"__obj": ["c"], "__type": "galileo.worker.api.StopWorkloadCommand"})")
            .error()
            .why == "it is of the class \"galileo.worker.api.StopWorkloadCommand\"");
  CHECK_FALSE(decode_register_worker_command("null").ok());
}

TEST_CASE("an argument is found by its position or by its name") {
  RpcRequest request{"f", "__rpc_1", R"([["w", 1]])", R"({"later": {"a": 1}})"};
  CHECK(*argument_of(request, 0, "cmd") == R"(["w", 1])");
  CHECK(*argument_of(request, 1, "later") == R"({"a": 1})");
  CHECK(argument_of(request, 1, "cmd").error().to_text() ==
        "can't read the argument 'cmd', f: the call doesn't have it");
  request.args = request.kwargs = "";  // null on the wire
  CHECK_FALSE(argument_of(request, 0, "cmd").ok());
}

TEST_CASE("labels are names and values in order") {
  const auto labels = decode_labels(R"({"galileo_zone": "edge", "b": 1, "a": null})");
  REQUIRE(labels.ok());
  CHECK(*labels == Labels{{"galileo_zone", "edge"}, {"b", "1"}, {"a", "null"}});
  CHECK(encode_labels({{"z", "\xc3\xbc"}, {"a", "1"}}) == R"({"z": "\u00fc", "a": "1"})");
  CHECK(decode_labels("")->empty());
  CHECK(decode_labels("null")->empty());
  CHECK(encode_labels({}).empty());
  CHECK_FALSE(decode_labels("[]").ok());
  CHECK_FALSE(decode_labels("{").ok());
}

TEST_CASE("an answer's text is read, and nothing else is taken for one") {
  CHECK(*decode_text(R"("w\u00fc")") == "w\xc3\xbc");
  CHECK(decode_text("[]").error().why == "it is an array");
}

TEST_CASE("channels have the event bus's prefix") {
  CHECK(event_channel(SetWorkloadCommand::kType) ==
        "__eventbus:global:galileo.worker.api.SetWorkloadCommand");
  CHECK(bus_channel(create_client_function("w1")) ==
        "__eventbus:global:WorkerDaemon.create_client:w1");
}

}  // namespace
}  // namespace galileo::wire
