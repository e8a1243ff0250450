// Counts of durations in log-linear buckets: percentiles of any number of values in a few
// kilobytes, mergeable. By default an octave has 128 steps and a percentile is within 1 %; a coarse
// one has 16 steps, is within 4 %, and takes an eighth of the memory. Value; not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.h"

namespace galileo {

class Histogram {
 public:
  enum class Grain : std::uint8_t { kFine = 7, kCoarse = 4 };  // log2 of the steps an octave
  explicit Histogram(Grain grain = Grain::kFine) : step_bits_(static_cast<int>(grain)) {}

  void add(Duration value, std::uint64_t times = 1);  // below 0 counts as 0
  void merge(const Histogram& other);                 // of the same grain
  void clear();

  std::uint64_t count() const { return count_; }
  Duration min() const { return count_ ? min_ : Duration{0}; }  // exact
  Duration max() const { return max_; }                         // exact
  Duration mean() const;                                        // exact
  double stddev_s() const;
  // The least value that at least `share` (0 to 1) of all values don't exceed; 0 where empty.
  Duration percentile(double share) const;

  bool operator==(const Histogram&) const = default;

  // All that it is made of, so that it can be written down (wire/histogram.h) and made again.
  struct State {
    Grain grain = Grain::kFine;
    std::vector<std::uint32_t> counts;  // by bucket, the last one not empty
    Duration min{0};
    Duration max{0};
    double sum_ns = 0;
    double sum_squares_ns = 0;
  };
  State state() const;
  // The histogram of such a state; nothing where its parts contradict each other: the least and the
  // largest value must be in the first and the last bucket, the sums be what such counts can have.
  static std::optional<Histogram> of_state(State state);
  // How many buckets there can be.
  static std::size_t buckets_max(Grain grain);

  // Non-empty buckets in order: f(lower edge, upper edge, count).
  template <class F>
  void each(F&& f) const {
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      if (counts_[i]) f(lower_edge(i), lower_edge(i + 1), counts_[i]);
    }
  }

 private:
  std::size_t index_of(std::int64_t ns) const;
  Duration lower_edge(std::size_t index) const;

  int step_bits_;
  std::vector<std::uint32_t> counts_;  // grows to the largest bucket seen
  std::uint64_t count_ = 0;
  Duration min_ = Duration::max();
  Duration max_{0};
  double sum_ns_ = 0;
  double sum_squares_ns_ = 0;
};

}  // namespace galileo
