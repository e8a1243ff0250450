// Any text as a set of statuses: no crash, and what is read is written so that it means the same.
#include "wire/statuses.h"

#include <cstdint>
#include <string_view>

#include "base/check.h"

using namespace galileo;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto set = wire::StatusSet::parse({reinterpret_cast<const char*>(data), size});
  if (!set.ok()) return 0;
  const auto again = wire::StatusSet::parse(set->to_text());
  ENSURE(again.ok() && *again == *set, set->to_text());
  return 0;
}
