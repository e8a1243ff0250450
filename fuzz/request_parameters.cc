// Any text as a client's parameters: no crash; what is refused is refused with a reason, and what
// is accepted can't end a request's head early. JSON that is read is written as JSON that reads the
// same.
#include "load/request_parameters.h"

#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "load/json_value.h"
#include "wire/http1.h"

using namespace galileo;

namespace {

void check_request(const load::Request& request) {
  ENSURE(request.path.starts_with('/'), request.path);
  ENSURE(!request.timeout || *request.timeout > Duration{0});
  const std::string bytes =
      wire::http1::serialize_request(request.method, request.path, "h", request.headers,
                                     request.has_body ? &request.body : nullptr, false);
  const std::string head = bytes.substr(0, bytes.find("\r\n\r\n"));
  std::size_t lines = 1;
  for (std::size_t at = 0; (at = head.find("\r\n", at)) != std::string::npos; at += 2) ++lines;
  for (std::size_t i = 0; i < head.size(); ++i) {
    if (head[i] == '\n') ENSURE(i > 0 && head[i - 1] == '\r', head);
    if (head[i] == '\r') ENSURE(i + 1 < head.size() && head[i + 1] == '\n', head);
  }
  // Each header one line, and at most five that are added.
  ENSURE(lines >= 1 + request.headers.size() && lines <= 6 + request.headers.size(), head);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const load::RequestReading reading = load::read_request_parameters(text);
  for (const load::RequestFault& fault : reading.faults) {
    ENSURE(!fault.why.empty());
    ENSURE(fault.of_key != !fault.subject.empty(), fault.subject);
  }
  const Result<load::Request> request = load::parse_request_parameters(text);
  ENSURE(request.ok() == reading.faults.empty());
  if (request.ok())
    check_request(*request);
  else
    ENSURE(!request.error().to_text().empty());
  const Result<load::JsonValue> value = load::parse_json(text);
  if (!value.ok()) return 0;
  const std::string written = load::to_python_json(*value);
  const Result<load::JsonValue> again = load::parse_json(written);
  ENSURE(again.ok() && load::to_python_json(*again) == written, written);
  return 0;
}
