// Any bytes as each record of the bus: no crash, and what was read and written is read the same.
#include "wire/worker_api.h"

#include <cstdint>
#include <string>

#include "base/check.h"

using namespace galileo;

namespace {

template <class Record>
void check(Result<Record> (*decode)(std::string_view), std::string_view text) {
  const Result<Record> record = decode(text);
  if (!record.ok()) {
    ENSURE(!record.error().why.empty());
    return;
  }
  const std::string written = wire::encode(*record);
  const Result<Record> again = decode(written);
  ENSURE(again.ok() && *again == *record, written);
  ENSURE(wire::encode(*again) == written, written);
}

void check_call(std::string_view text) {
  const Result<wire::RpcRequest> request = wire::decode_rpc_request(text);
  if (!request.ok()) {
    const auto who = wire::unreadable_call(text);
    ENSURE(!who || !who->response_channel.empty());
    return;
  }
  for (std::size_t i = 0; i < 3; ++i) {
    const Result<std::string> argument = wire::argument_of(*request, i, "cmd");
    if (argument.ok()) check(wire::decode_create_client_command, *argument);
  }
}

void check_labels(std::string_view text) {
  const Result<wire::Labels> labels = wire::decode_labels(text);
  if (!labels.ok()) return;
  const Result<wire::Labels> again = wire::decode_labels(wire::encode_labels(*labels));
  ENSURE(again.ok() && *again == *labels);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check(wire::decode_register_worker_command, text);
  check(wire::decode_start_tracing_command, text);
  check(wire::decode_pause_tracing_command, text);
  check(wire::decode_register_worker_event, text);
  check(wire::decode_unregister_worker_event, text);
  check(wire::decode_client_config, text);
  check(wire::decode_client_description, text);
  check(wire::decode_client_info, text);
  check(wire::decode_create_client_command, text);
  check(wire::decode_close_client_command, text);
  check(wire::decode_stop_workload_command, text);
  check(wire::decode_workload_done_event, text);
  check(wire::decode_set_workload_command, text);
  check(wire::decode_rpc_request, text);
  check(wire::decode_rpc_response, text);
  check_call(text);
  const auto workload = wire::decode_set_workload_command(text);
  if (workload.ok()) ENSURE(wire::workload_client(text) == workload->client_id);
  check_labels(text);
  const auto clients = wire::decode_client_descriptions(text);
  if (clients.ok())
    ENSURE(*wire::decode_client_descriptions(wire::encode_bare(*clients)) == *clients);
  const auto word = wire::decode_text(text);
  if (word.ok()) ENSURE(*wire::decode_text(wire::json_text(*word)) == *word);
  return 0;
}
