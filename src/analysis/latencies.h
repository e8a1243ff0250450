// How long requests took, by what became of them, and what may be said of that: figures of those
// that were answered alone are figures of the survivors. Plain values; hot: one add() a request.
#pragma once

#include <cstdint>
#include <optional>

#include "base/histogram.h"
#include "wire/trace.h"

namespace galileo::analysis {

// A time that is known, or of which only this much is: of all requests, those that were never
// answered took at least their time.
struct Bound {
  Duration value{0};
  bool at_least = false;
  bool operator==(const Bound&) const = default;
};

// Values in their order, of which the largest `unbounded` ones are at least what they are.
struct Times {
  // Fewer values than this past a quantile say nothing of it.
  static constexpr std::uint64_t kPastMin = 10;

  Histogram values;
  std::uint64_t unbounded = 0;
  Duration mean_value{0};

  std::uint64_t count() const { return values.count(); }
  // Nothing where there is no value.
  std::optional<Bound> min() const;
  std::optional<Bound> mean() const;
  std::optional<Bound> max() const;
  // Nothing either where too few lie past it: beyond it, or before it below the median. The shares
  // 0 and 1 are min() and max().
  std::optional<Bound> percentile(double share) const;
};

Times times_of(const Histogram& values);

struct Latencies {
  Histogram answered;
  Histogram failed;   // sent, and not answered as it should be
  Histogram pending;  // neither: not sent, or in flight at the end

  void add(wire::FailureGroup became, Duration took);
  std::uint64_t count() const { return answered.count() + failed.count() + pending.count(); }
  // The mean of their own times, whatever became of them.
  Duration mean() const;
  // All of them. A request that was never answered took longer than each that was: its value is its
  // own time, or the longest answer's where that is longer. So a percentile is the time within
  // which that share of all requests were answered, and at least the value where fewer were.
  Times all() const;
};

}  // namespace galileo::analysis
