// Any text as a targets file: no crash; what isn't one says why; what is can be written into a
// request's head as it is.
#include "wire/request_targets.h"

#include <cstdint>

#include "base/check.h"

using namespace galileo;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto targets = wire::parse_request_targets(text);
  if (!targets.ok()) {
    ENSURE(!targets.error().why.empty());
    return 0;
  }
  ENSURE(!targets->empty());
  for (const wire::RequestTarget& target : *targets) {
    ENSURE(wire::http1::is_token(target.request.method));
    ENSURE(target.request.target.starts_with('/'));
    for (const char c : target.request.target) ENSURE(static_cast<unsigned char>(c) > ' ');
    for (const auto& [name, value] : target.request.headers)
      ENSURE(wire::http1::is_token(name) && wire::http1::is_header_value(value));
  }
  return 0;
}
