// What a profile is like: how much it sends, and how evenly. Pure functions; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace galileo::load {

inline constexpr std::array kDispersionWindows_s{1, 10, 60};

struct ProfileFigures {
  std::uint64_t count = 0;
  double length_s = 0;        // the sum of all gaps: when its last request is due
  std::optional<double> rps;  // the mean; none: all are due at once
  double gap_min_s = 0;
  double gap_max_s = 0;
  // Standard deviation of the gaps over their mean: 0 where they are even, 1 where chance has it.
  std::optional<double> gap_variation;
  // By window: the variance over the mean of how many requests are due in windows of that size. 1
  // where chance has it. None: it has less than ten whole windows, or nothing is in them.
  std::array<std::optional<double>, kDispersionWindows_s.size()> dispersion{};
};

ProfileFigures figures_of_profile(std::span<const double> gaps_s);

// Requests a second in so many equal parts of its length; none where it has no length.
std::vector<double> rates_of_profile(std::span<const double> gaps_s, std::size_t parts);

}  // namespace galileo::load
