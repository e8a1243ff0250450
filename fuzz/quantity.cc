// Any text as a quantity, a name and a selector: no crash; what is one is written in a form that
// has the same value, and what isn't says why.
#include "kubernetes/quantity.h"

#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "kubernetes/names.h"

using namespace galileo;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto quantity = kubernetes::parse_quantity(text);
  if (quantity.ok()) {
    const auto again = kubernetes::parse_quantity(quantity->canonical());
    ENSURE(again.ok(), quantity->canonical());
    ENSURE(again->nano() == quantity->nano(), text, quantity->canonical());
  } else {
    ENSURE(!quantity.error().why.empty());
  }
  if (kubernetes::unfit_dns_label(text).empty())
    ENSURE(kubernetes::unfit_object_name(text).empty() &&
           kubernetes::unfit_label_value(text).empty());
  if (kubernetes::unfit_label_key(text).empty())
    ENSURE(kubernetes::unfit_label_selector(text).empty(), text);
  return 0;
}
