// Threshold expressions of any bytes: no crash, and what parses is kept as it was written.
#include <cstdint>
#include <string>

#include "analysis/thresholds.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto threshold = galileo::analysis::parse_threshold(text);
  if (threshold.ok()) {
    ENSURE(!threshold->metric.empty() && !threshold->comparison.empty());
    ENSURE(galileo::analysis::parse_threshold(threshold->expression).ok());
  } else {
    ENSURE(!threshold.error().why.empty());
  }
  return 0;
}
