// Is an experiment worse than another one? Figures of both side by side, and which of them count
// as a regression: docs/databases.md has the rule for users. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "experiment/summary.h"

namespace galileo::experiment {

// One line of the comparison.
struct Compared {
  std::string name;  // "p99", "achieved", "errors"
  std::string unit;  // "s", "rps", "share"
  double base = 0;
  double other = 0;
  bool is_judged = true;  // figures that depend on what was asked for are only shown
  bool regressed = false;
};

// A latency regressed where it is longer by more than `tolerance` (0.1: 10 %), the rate of answers
// where it is lower by more than that, errors where their share is larger by more than 0.1 % of the
// requests: and each only where chance doesn't explain it, that is where the 95 % confidence
// intervals of the two figures don't touch (the rate's as if answers came at random). The rate is
// judged only where the same was offered, within the tolerance, or both are closed loops.
std::vector<Compared> compare(const Summary& base, const Summary& other, double tolerance);

}  // namespace galileo::experiment
