// A histogram as one line of text, so that workers can send theirs and a controller merge them: the
// merged one is exactly the one that a single process would have, of the same grain.
//
//   h1 7 12000 31900 62000.5 1.3e+09 1201:3,1 17:2
//
// "h1", the version; log2 of the steps an octave; the least and the largest value in nanoseconds;
// the sums of the values and of their squares; then runs of buckets that aren't empty: how many
// empty ones come before, and the counts. A thousand values are about a kilobyte, and no histogram
// is more than kHistogramTextMax. Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/histogram.h"
#include "base/result.h"

namespace galileo::wire {

inline constexpr std::size_t kHistogramTextMax = std::size_t{128} * 1024;

std::string encode_histogram(const Histogram& histogram);

// An Error (kCorrupt) for another version, for what isn't of that form, and for values that
// contradict each other; nothing larger than a histogram can be is ever allocated.
Result<Histogram> decode_histogram(std::string_view text);

}  // namespace galileo::wire
