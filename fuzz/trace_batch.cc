// Batches of any bytes: refused or read, no crash, nothing beyond the message; what was read is
// written again and read the same.
#include "wire/trace_batch.h"

#include <cstdint>

#include "base/check.h"

using namespace galileo::wire;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto batch = decode_trace_batch(bytes);
  if (!batch.ok()) return 0;
  TraceBatchWriter writer;
  for (const Trace& trace : batch->traces) writer.add(trace, batch->names);
  const std::string again = writer.take(batch->head);
  const auto second = decode_trace_batch(again);
  ENSURE(second.ok() && second->traces.size() == batch->traces.size());
  for (std::size_t i = 0; i < batch->traces.size(); ++i) {
    const NamedTrace one = resolve(batch->traces[i], batch->names);
    const NamedTrace other = resolve(second->traces[i], second->names);
    ENSURE(one.request_id == other.request_id && one.client == other.client);
    ENSURE(one.headers == other.headers && one.response == other.response);
    ENSURE(one.created == other.created && one.status == other.status);
  }
  return 0;
}
