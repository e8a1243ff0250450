// Any bytes as a topic, a newline and a line of telemetry: no crash, and what is read is written as
// a topic and a line that are read the same.
#include "wire/sample_line.h"

#include <cmath>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "base/utf8.h"

using namespace galileo;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t newline = bytes.find('\n');
  if (newline == std::string_view::npos) return 0;
  const Result<wire::Sample> sample =
      wire::parse_sample_line(bytes.substr(0, newline), bytes.substr(newline + 1));
  if (!sample.ok()) {
    ENSURE(is_utf8(sample.error().to_text()) && !sample.error().why.empty());
    return 0;
  }
  ENSURE(!sample->node.empty() && !sample->metric.empty() && std::isfinite(sample->value));
  std::string text;
  wire::append_sample_line(text, *sample);
  const Result<wire::Sample> again = wire::parse_sample_line(wire::sample_topic(*sample), text);
  ENSURE(again.ok() && again->at == sample->at, text);
  ENSURE(again->node == sample->node && again->metric == sample->metric);
  ENSURE(again->subsystem == sample->subsystem);
  // Six decimals are kept, and as many digits as a double has.
  const double error = std::abs(again->value - sample->value);
  ENSURE(error <= 1e-6 + std::abs(sample->value) * 1e-15, again->value, sample->value);
  return 0;
}
