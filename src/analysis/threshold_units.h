// What the metrics of thresholds measure, and how their limits are written. A number means nothing
// without its unit: 200 is 200 ms to one reader and 200 s to another. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace galileo::analysis {

enum class Dimension : unsigned char {
  kCount,
  kRate,   // requests a second
  kShare,  // of one: 0.9 is 90 %
  kTime,
  kBytes,
  kByteRate,
  kFrequency,
  kBitRate,
  kTemperature,
  kPower,
  kEnergy,
  kSignal,
  kUnknown,  // somebody else's figure: its own unit, whatever that is
};

// A metric's value times `factor` is in the base unit of its dimension.
struct Scale {
  Dimension dimension = Dimension::kUnknown;
  double factor = 1;
};

// The scale of a metric of ours or of telemetry, with its subsystem: a scraped page's own says its
// unit by the end of its name, if at all.
Scale scale_of(std::string_view metric, std::string_view subsystem);

// "s", "rps", "share", "bytes", ...; empty for counts and what isn't known.
std::string_view base_unit(Dimension dimension);

// A limit as it is written behind an operator: "50ms", "90%", "10k/s".
struct Limit {
  double value = 0;   // in base units
  std::string wrong;  // what is wrong with it; empty: nothing
  std::string hint;   // and what to write
};
Limit parse_limit(std::string_view text, Dimension dimension);

// "12.3ms", "97.2", "90%", "no data".
std::string format_value(const std::optional<double>& value, std::string_view unit);

}  // namespace galileo::analysis
