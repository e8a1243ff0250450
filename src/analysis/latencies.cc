#include "analysis/latencies.h"

#include <algorithm>
#include <cmath>

namespace galileo::analysis {
namespace {

std::uint64_t rank_of(double share, std::uint64_t count) {
  const double wanted = std::clamp(share, 0.0, 1.0) * static_cast<double>(count);
  return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(wanted - 1e-9)));
}

// Adds the values of `from`, those below `least` as that.
void add_at_least(Histogram& to, const Histogram& from, Duration least) {
  if (from.count() == 0) return;
  std::uint64_t left = from.count();
  from.each([&](Duration lower, Duration upper, std::uint64_t count) {
    left -= count;
    const Duration middle = std::clamp(lower + (upper - lower) / 2, from.min(), from.max());
    // The longest one is known exactly.
    to.add(std::max(middle, least), left == 0 ? count - 1 : count);
  });
  to.add(std::max(from.max(), least));
}

}  // namespace

std::optional<Bound> Times::min() const {
  if (count() == 0) return std::nullopt;
  return Bound{values.min(), unbounded == count()};
}

std::optional<Bound> Times::mean() const {
  if (count() == 0) return std::nullopt;
  return Bound{mean_value, unbounded > 0};
}

std::optional<Bound> Times::max() const {
  if (count() == 0) return std::nullopt;
  return Bound{values.max(), unbounded > 0};
}

std::optional<Bound> Times::percentile(double share) const {
  if (share <= 0) return min();
  if (share >= 1) return max();
  const std::uint64_t rank = rank_of(share, count());
  const std::uint64_t beyond = count() - std::min(rank, count());
  if ((share < 0.5 ? rank : beyond) < kPastMin) return std::nullopt;
  return Bound{values.percentile(share), rank > count() - unbounded};
}

Times times_of(const Histogram& values) {
  return {values, 0, values.mean()};
}

void Latencies::add(wire::FailureGroup became, Duration took) {
  switch (became) {
    case wire::FailureGroup::none:
      return answered.add(took);
    case wire::FailureGroup::failed:
      return failed.add(took);
    case wire::FailureGroup::not_sent:
    case wire::FailureGroup::unfinished:
      return pending.add(took);
  }
}

Duration Latencies::mean() const {
  const auto n = static_cast<double>(count());
  if (n == 0) return Duration{0};
  double sum_ns = 0;
  for (const Histogram* one : {&answered, &failed, &pending})
    sum_ns += static_cast<double>(one->mean().count()) * static_cast<double>(one->count());
  return Duration{std::llround(sum_ns / n)};
}

Times Latencies::all() const {
  Times times{answered, failed.count() + pending.count(), mean()};
  for (const Histogram* one : {&failed, &pending}) add_at_least(times.values, *one, answered.max());
  return times;
}

}  // namespace galileo::analysis
