// Adds up times between requests, given in seconds, to whole nanoseconds since the start. What a
// nanosecond is too coarse for is kept for the next sum: inter-arrivals of 333,333.3 ns don't
// drift. A value; each Arrival of inter-arrivals has one.
#pragma once

#include <cmath>

#include "base/time.h"
#include "load/arrival.h"

namespace galileo::load {

class Elapsed {
 public:
  // Moves on; a wait of 0 or less stays where it is. False, and nothing is moved: that is beyond
  // the horizon, or no number.
  bool add(double wait_s) {
    if (wait_s <= 0) return true;
    if (!(to_seconds(at_) + wait_s < to_seconds(kHorizon))) return false;
    const double ns = wait_s * 1e9 + rest_ns_;
    const double whole_ns = std::floor(ns);
    rest_ns_ = ns - whole_ns;
    at_ += Duration{static_cast<Duration::rep>(whole_ns)};
    return true;
  }
  Duration at() const { return at_; }

 private:
  Duration at_{0};
  double rest_ns_ = 0.5;  // so that times are rounded to the nearest nanosecond, not down
};

}  // namespace galileo::load
