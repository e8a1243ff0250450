// The shapes that `rate` of an experiment file can have: arrivals of arrivals.def whose parameters
// have names there. Plain values; any thread.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace galileo::load {

struct ShapeParameter {
  enum class Takes : unsigned char {
    kRate,        // requests a second, above 0
    kRateOrNone,  // from 0 up
    kTime,        // a duration above 0
    kSteps,       // a list of rates and durations
  };
  std::string_view key;
  Takes takes;
  std::string_view text;
  std::optional<double> otherwise = {};  // requests a second, or seconds; none: it must be given
};

struct ShapeRow {
  std::string_view name;
  const char* arrival;
  std::vector<ShapeParameter> parameters;  // in the order of the arrival's own
};
const std::vector<ShapeRow>& shape_rows();

}  // namespace galileo::load
