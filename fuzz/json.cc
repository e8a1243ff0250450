// Any bytes as JSON: no crash, the limits hold, and what was read and written is read and written
// the same.
#include "wire/json.h"

#include <cstdint>
#include <string>

#include "base/check.h"
#include "base/utf8.h"

using namespace galileo;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Result<wire::Json> json = wire::parse_json(text);
  if (!json.ok()) {
    ENSURE(!json.error().why.empty() && is_utf8(json.error().why));
    return 0;
  }
  const std::string written = wire::to_text(*json);
  for (const char c : written) ENSURE(c >= ' ' && c <= '~');
  const Result<wire::Json> again = wire::parse_json(written);
  ENSURE(again.ok() && *again == *json, written);
  ENSURE(wire::to_text(*again) == written, written);
  return 0;
}
