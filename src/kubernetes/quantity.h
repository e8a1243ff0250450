// Amounts as Kubernetes has them: "100m", "1Gi", "1.5", "1e3". Read as the API server reads them,
// finer than a billionth rounded away from zero, and written as it writes them. What is beyond
// 2^63-1 is refused: the server cuts it, or drops its unit. Values and pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace galileo::kubernetes {

class Quantity {
 public:
  __extension__ using Nano = __int128;

  Quantity() = default;

  double to_double() const { return static_cast<double>(nano_) / 1e9; }
  Nano nano() const { return nano_; }
  // As the API server writes it again.
  const std::string& canonical() const { return canonical_; }

 private:
  friend Result<Quantity> parse_quantity(std::string_view text);

  Nano nano_ = 0;
  std::string canonical_ = "0";
};

// The Errors have `why` and `hint` set, the caller adds what and where.
Result<Quantity> parse_quantity(std::string_view text);

}  // namespace galileo::kubernetes
