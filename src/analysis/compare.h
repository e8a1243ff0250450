// Is an experiment worse than another one? Figures of both side by side, and which of them are
// shown to be a regression: docs/how-to/databases.md has the rule for users. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analysis/batches.h"

namespace galileo::analysis {

struct CompareOptions {
  double tolerance = 0.1;  // by which a figure may be worse (0.1: 10 %)
  double spread = 0.05;    // by which runs of the same are taken to differ, where one a side is all
};

// The runs of one and the same thing.
using Side = std::vector<const Batches*>;

// One line of the comparison.
struct Compared {
  std::string name;            // "p99", "achieved", "errors"
  std::string unit;            // "s", "rps", "share"
  std::optional<double> base;  // of several runs: their mean; nothing: too few requests lie past it
  std::optional<double> other;
  // How often chance would show as much beyond the tolerance, 0 to 1; nothing: it isn't judged,
  // since it depends on what was asked for, or too little is known.
  std::optional<double> chance;
  bool regressed = false;
  // What the two differ by without a change, in 95 of 100 pairs: a share of the base's figure, of
  // errors a difference; nothing: it isn't judged.
  std::optional<double> noise = {};
};

// A latency regressed where it is longer by more than the tolerance, the rate of answers where it
// is lower by more than that, errors where their share is larger by more than 0.1 % of the
// requests; and each only where that is shown: by Welch's test, of the runs' figures where a side
// has several, else of a run's ten stretches of time with `spread` added, and Holm's correction
// over all figures, at 5 %. The rate is judged only where the same was offered, within the
// tolerance, or both are closed loops. Latencies are of all requests: one without an answer took
// longer than any.
std::vector<Compared> compare(const Side& base, const Side& other, const CompareOptions& options);

}  // namespace galileo::analysis
