// An experiment file of any bytes, masked and sent back: its own masks give its own text again, and
// no edit of it makes another.
#include "service/masked_file.h"

#include <cstdint>
#include <string>

#include "base/check.h"

using namespace galileo;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t half = bytes.find('\0');
  const std::string_view original = bytes.substr(0, half);
  const service::MaskedFile masked = service::mask_file(original);
  std::size_t restored = 0;
  const auto whole = service::restore_file(masked.text, original, restored);
  if (whole.ok()) ENSURE(*whole == original);
  if (half == std::string_view::npos) return 0;
  // What has no mask stays as it is, whatever the original hid.
  const std::string_view edited = bytes.substr(half + 1);
  const auto other = service::restore_file(edited, original, restored);
  if (edited.find(service::kMask) == std::string_view::npos) ENSURE(other.ok() && *other == edited);
  return 0;
}
