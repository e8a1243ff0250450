// Any bytes as the value of a change of weights: no crash, and what is read is written so that it
// is read the same.
#include "wire/weight_update.h"

#include <cstdint>
#include <string>

#include "base/check.h"
#include "base/utf8.h"

using namespace galileo;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  wire::Event event;
  event.at = Wall{Duration{1'795'528'517'250'000'000}};
  event.value.assign(reinterpret_cast<const char*>(data), size);
  const auto update = wire::parse_weight_update(event);
  if (!update.ok()) {
    ENSURE(is_utf8(update.error().to_text()));
    return 0;
  }
  const auto again = wire::parse_weight_update(wire::weight_update_event(*update));
  ENSURE(again.ok() && *again == *update, event.value);
  return 0;
}
