// Requests of any bytes, taken apart for HTTP/2: no crash, no name that HTTP/2 may not have, and
// the object used again gives the same as a new one.
#include "wire/http2_request.h"

#include <cstdint>
#include <string>

#include "base/check.h"

using galileo::wire::Http2Request;

namespace {

std::string text_of(const Http2Request& request) {
  std::string text(request.body());
  for (const auto& field : request.fields()) ((text += field.name) += '=') += field.value;
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  static Http2Request used;
  Http2Request made;
  const bool good = made.read(bytes, "http");
  ENSURE(used.read(bytes, "http") == good);
  ENSURE(text_of(used) == text_of(made));
  if (!good) return 0;
  for (const auto& field : made.fields()) {
    for (const char c : field.name) ENSURE(c < 'A' || c > 'Z');
    ENSURE(field.name != "host" && field.name != "connection" && field.name != "transfer-encoding");
  }
  return 0;
}
