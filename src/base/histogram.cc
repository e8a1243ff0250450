#include "base/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/check.h"

// With b step bits, values below 2^(b+1) ns have a bucket each. Above, an octave [2^k, 2^(k+1)) is
// cut into 2^b equal steps, so a bucket's width is at most 2^-b of its lower edge.

namespace galileo {

std::size_t Histogram::index_of(std::int64_t ns) const {
  if (ns < std::int64_t{2} << step_bits_) return static_cast<std::size_t>(ns);
  const int width = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(ns)));
  const int shift = width - 1 - step_bits_;
  return (static_cast<std::size_t>(shift) << step_bits_) + static_cast<std::size_t>(ns >> shift);
}

Duration Histogram::lower_edge(std::size_t index) const {
  if (index < std::size_t{2} << step_bits_) return Duration{static_cast<std::int64_t>(index)};
  const std::size_t shift = (index >> step_bits_) - 1;
  const std::size_t step = index - (shift << step_bits_);
  return Duration{static_cast<std::int64_t>(step << shift)};
}

void Histogram::add(Duration value, std::uint64_t times) {
  if (times == 0) return;
  value = std::max(value, Duration{0});
  const std::size_t index = index_of(value.count());
  if (index >= counts_.size()) counts_.resize(index + 1);
  counts_[index] += static_cast<std::uint32_t>(times);
  count_ += times;
  min_ = std::min(min_, value);
  max_ = std::max(max_, value);
  const double ns = static_cast<double>(value.count());
  sum_ns_ += ns * static_cast<double>(times);
  sum_squares_ns_ += ns * ns * static_cast<double>(times);
}

void Histogram::merge(const Histogram& other) {
  ENSURE(step_bits_ == other.step_bits_, step_bits_, other.step_bits_);
  if (other.counts_.size() > counts_.size()) counts_.resize(other.counts_.size());
  for (std::size_t i = 0; i < other.counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  sum_ns_ += other.sum_ns_;
  sum_squares_ns_ += other.sum_squares_ns_;
}

void Histogram::clear() {
  *this = Histogram{static_cast<Grain>(step_bits_)};
}

Histogram::State Histogram::state() const {
  return {static_cast<Grain>(step_bits_), counts_, min(), max_, sum_ns_, sum_squares_ns_};
}

std::size_t Histogram::buckets_max(Grain grain) {
  return Histogram{grain}.index_of(Duration::max().count()) + 1;
}

std::optional<Histogram> Histogram::of_state(State state) {
  Histogram made{state.grain};
  const bool finite = std::isfinite(state.sum_ns) && std::isfinite(state.sum_squares_ns);
  if (!finite || state.min < Duration{0} || state.max < state.min) return std::nullopt;
  if (state.counts.empty()) {
    const bool zero = state.max == Duration{0} && state.sum_ns == 0 && state.sum_squares_ns == 0;
    return zero ? std::optional(made) : std::nullopt;
  }
  const auto first = std::find_if(state.counts.begin(), state.counts.end(),
                                  [](std::uint32_t count) { return count > 0; });
  const auto first_index = static_cast<std::size_t>(first - state.counts.begin());
  if (state.counts.back() == 0 || first_index != made.index_of(state.min.count()) ||
      state.counts.size() - 1 != made.index_of(state.max.count()))
    return std::nullopt;
  for (const std::uint32_t count : state.counts) made.count_ += count;
  // The sums were rounded at each addition, so they may be a little beyond what is possible.
  const double n = static_cast<double>(made.count_);
  const double min = static_cast<double>(state.min.count());
  const double max = static_cast<double>(state.max.count());
  constexpr double kSlack = 1e-3;
  const auto between = [](double value, double low, double high) {
    return value >= low * (1 - kSlack) && value <= high * (1 + kSlack);
  };
  if (!between(state.sum_ns, n * min, n * max) ||
      !between(state.sum_squares_ns, n * min * min, n * max * max))
    return std::nullopt;
  made.counts_ = std::move(state.counts);
  made.min_ = state.min;
  made.max_ = state.max;
  made.sum_ns_ = state.sum_ns;
  made.sum_squares_ns_ = state.sum_squares_ns;
  return made;
}

Duration Histogram::mean() const {
  if (count_ == 0) return Duration{0};
  return Duration{std::llround(sum_ns_ / static_cast<double>(count_))};
}

double Histogram::stddev_s() const {
  if (count_ == 0) return 0;
  const double n = static_cast<double>(count_);
  const double mean_ns = sum_ns_ / n;
  return std::sqrt(std::max(0.0, sum_squares_ns_ / n - mean_ns * mean_ns)) * 1e-9;
}

Duration Histogram::percentile(double share) const {
  if (count_ == 0) return Duration{0};
  const double wanted = std::clamp(share, 0.0, 1.0) * static_cast<double>(count_);
  const auto rank =
      std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(wanted - 1e-9)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= rank) {
      // The middle of the bucket is at most half its width away; the exact ends are known.
      // Unsigned, since the last bucket of all ends just beyond what a Duration holds.
      const auto lower = static_cast<std::uint64_t>(lower_edge(i).count());
      const auto upper = static_cast<std::uint64_t>(lower_edge(i + 1).count());
      const Duration middle{static_cast<std::int64_t>(lower + (upper - lower - 1) / 2)};
      return std::clamp(middle, min_, max_);
    }
  }
  return max_;
}

}  // namespace galileo
