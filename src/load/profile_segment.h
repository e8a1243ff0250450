// Profiles that are made: the seconds between requests that a rate gives, drawn in simulated time.
// Each gap is drawn when the one before it ends, by the rate of that moment alone. That is how the
// old system's profiles are made; an Arrival instead follows the rate between two requests too.
// Pure functions of the seed; any thread.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galileo::load {

// A stretch of a profile.
struct ProfileSegment {
  std::string rate;  // of profile_rates.def
  std::vector<double> parameters;
  bool exponential = false;  // a draw with the rate, 1 s where that is 0; else 1 / rate
  double scale = 1;          // of such a draw
  double gap_max_s = std::numeric_limits<double>::infinity();
  double seconds = 0;  // gaps are drawn as long as fewer are over
};

// "sine(100, 60) for 10m", then in any order `exponential` or `static`, `scale 0.5`, `max 1s`.
Result<ProfileSegment> parse_profile_segment(std::string_view text);

// The gaps of one segment after the other. The clock of the rates runs on: each segment begins
// where the time of the one before it is over, though its last gap may be longer. An Error where a
// gap has no end, and where there are too many.
Result<std::vector<double>> make_profile(const std::vector<ProfileSegment>& segments,
                                         std::uint64_t seed);

struct ProfileRateRow {
  std::string_view name;
  std::string_view parameters;
  std::size_t fewest;
  std::size_t most;
  std::string_view text;
};
const std::vector<ProfileRateRow>& profile_rate_rows();

}  // namespace galileo::load
