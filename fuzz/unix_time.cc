// Any text as a time: no crash, and what is read is written and read the same.
#include "wire/unix_time.h"

#include <cstdint>
#include <string>

#include "base/check.h"

using namespace galileo;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view given(reinterpret_cast<const char*>(data), size);
  if (const auto date = wire::parse_rfc3339(given)) {
    const std::string text = wire::rfc3339(*date, 9);
    ENSURE(wire::parse_rfc3339(text) == date, text);
  }
  const auto at = wire::parse_unix_time(given);
  if (!at) return 0;
  for (int decimals = 1; decimals <= 9; ++decimals) {
    std::string text;
    wire::append_unix_time(text, *at, decimals);
    const auto again = wire::parse_unix_time(text);
    // Rounded up, the last second that is read becomes one that isn't.
    if (!again && text.starts_with("9223372036.")) continue;
    ENSURE(again, text);
    std::string same;
    wire::append_unix_time(same, *again, decimals);
    ENSURE(same == text, same, text);
    if (decimals == 9) ENSURE(*again == *at, text);
  }
  return 0;
}
