// Copies of a sequence of times laid over each other, so that they are burstier than one by no more
// and no less: load/replay.h says why. Pure functions; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/time.h"
#include "load/profile_figures.h"

namespace galileo::load {

struct Superposition {
  struct Moment {
    Duration at{0};
    std::uint32_t of = 0;  // which of the times it is
  };
  std::vector<Moment> moments;  // in order
  std::array<std::optional<double>, kDispersionWindows_s.size()> dispersion_ratio{};
};

// `times` in order, from 0 to `length`. The first copy is the sequence itself.
Superposition superpose(std::span<const Duration> times, Duration length, std::uint32_t copies,
                        std::uint64_t seed);

}  // namespace galileo::load
