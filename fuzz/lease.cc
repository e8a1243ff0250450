// Any text as a fleet's lease: no crash; what is read is written and read again as the same.
#include "wire/lease.h"

#include <cstdint>
#include <string_view>

#include "base/check.h"

using namespace galileo;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto lease =
      wire::decode_lease(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!lease.ok()) return 0;
  const std::string written = wire::encode(*lease);
  const auto again = wire::decode_lease(written);
  ENSURE(again.ok() && wire::encode(*again) == written, written);
  return 0;
}
