// Can a threshold still be met, whatever follows? A run that is to end where it can't asks that
// while it goes on. The best that may follow is taken: all requests that are yet to be over are as
// good as can be; where the threshold doesn't hold even so, the counts that prove it are said. Pure
// functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "analysis/summary.h"
#include "analysis/telemetry_series.h"
#include "analysis/thresholds.h"

namespace galileo::analysis {

// What it takes to prove that a threshold can't be met any more.
enum class ProofBy : unsigned char {
  kCounts,    // what has been counted: failed == 0 by the first failure, max(latency) < 1s
  kRequests,  // and how many requests there will be at most: p95(latency) < 50ms
  kNothing,   // what follows can always make up for it: a rate, a mean of telemetry
};
ProofBy proof_of(const Threshold& threshold);

// How many requests of the threshold's group there will be at most, warm-up too, and how many
// checks of its name one of them may run.
struct AtMost {
  std::optional<std::uint64_t> requests;  // nothing: not known
  std::uint64_t checks = 1;
};

// Why it can't be met any more; empty: it can be, or it isn't known. In time linear in the buckets
// of a histogram.
std::string out_of_reach(const Threshold& threshold, const Summary& summary,
                         const TelemetrySeries& telemetry, const AtMost& at_most);

}  // namespace galileo::analysis
