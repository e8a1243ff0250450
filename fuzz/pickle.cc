// Any bytes as a pickle: no crash; what is refused has its byte; the numbers of what is read are
// finite, and no more than the bytes can hold.
#include "wire/pickle.h"

#include <cmath>
#include <cstdint>

#include "base/check.h"
#include "base/utf8.h"

using namespace galileo;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto numbers = wire::parse_pickle(bytes);
  if (!numbers.ok()) {
    const Error& error = numbers.error();
    ENSURE(error.where.starts_with("byte ") && !error.why.empty() && is_utf8(error.why));
    return 0;
  }
  ENSURE(numbers->size() <= size / 2);
  for (const double number : *numbers) ENSURE(std::isfinite(number));
  const auto again = wire::parse_pickle(wire::to_pickle(*numbers));
  ENSURE(again.ok() && *again == *numbers);
  // A pickle ends where it says so.
  ENSURE(!wire::parse_pickle(bytes.substr(0, size - 1)).ok());
  return 0;
}
