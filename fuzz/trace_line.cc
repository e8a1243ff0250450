// Any bytes as a trace's line: no crash, and what is read is written as a line that is read and
// written the same.
#include "wire/trace_line.h"

#include <cstdint>
#include <string>

#include "base/check.h"
#include "base/utf8.h"

using namespace galileo;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Result<wire::TraceLine> line =
      wire::parse_trace_line({reinterpret_cast<const char*>(data), size});
  if (!line.ok()) {
    ENSURE(!line.error().why.empty() && is_utf8(line.error().why));
    return 0;
  }
  std::string text;
  wire::append_trace_line(text, *line);
  ENSURE(is_utf8(text) && text.find('\n') == std::string::npos, text);
  const Result<wire::TraceLine> again = wire::parse_trace_line(text);
  ENSURE(again.ok(), text);
  std::string same;
  wire::append_trace_line(same, *again);
  ENSURE(same == text, same, text);
  ENSURE(again->trace.request_id == line->trace.request_id);
  ENSURE(again->trace.headers == line->trace.headers, again->trace.headers, line->trace.headers);
  ENSURE(again->trace.status == line->trace.status);
  // A response that is the word None, once it is stripped, can't be told from none on this wire.
  ENSURE(text.ends_with(",None") || again->has_response == line->has_response, text);
  return 0;
}
