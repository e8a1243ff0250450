// Any text as a traceparent: no crash, and what is read is written so that it means the same.
#include "wire/trace_context.h"

#include <cstdint>
#include <string_view>

#include "base/check.h"

using namespace galileo;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const wire::TraceId id = wire::trace_id_of(text);
  ENSURE(wire::to_text(id) == (id.is_none() ? "" : text), text);
  const auto read = wire::parse_traceparent(text);
  if (!read) return 0;
  const auto written = wire::to_chars(*read);
  const auto again = wire::parse_traceparent({written.data(), written.size()});
  ENSURE(again && *again == *read, text);
  return 0;
}
