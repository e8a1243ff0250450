// Any bytes as an order to a fault agent, and as its report: no crash, and what is read is written
// so that it is read the same.
#include "wire/fault_order.h"

#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/utf8.h"

using namespace galileo;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view message(reinterpret_cast<const char*>(data), size);
  if (const auto order = wire::parse_fault_order(message); order.ok()) {
    const auto again = wire::parse_fault_order(wire::to_text(*order));
    ENSURE(again.ok() && wire::to_text(*again) == wire::to_text(*order), message);
  } else {
    ENSURE(is_utf8(order.error().to_text()));
  }
  if (const auto report = wire::parse_fault_report(message); report.ok()) {
    const auto again = wire::parse_fault_report(wire::to_text(*report));
    ENSURE(again.ok() && wire::to_text(*again) == wire::to_text(*report), message);
  } else {
    ENSURE(is_utf8(report.error().to_text()));
  }
  return 0;
}
