// A run in stretches of equal time, so that its figures can be told from their own noise: requests
// that follow each other aren't independent (a queue that is long stays long for a while),
// stretches of the run that are long beside that nearly are. Fed trace by trace, in any order;
// warm-up is left out. Memory is bounded whatever the length of the run. Lives on one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "analysis/latencies.h"
#include "wire/trace.h"

namespace galileo::analysis {

// The requests that became due within a stretch.
struct Slice {
  Latencies latency;
  std::uint64_t closed_loop = 0;

  std::uint64_t count() const { return latency.count(); }
  void add(const Slice& other);
};

class Batches {
 public:
  static constexpr std::size_t kBatches = 10;
  // Slices are kept finer than batches are in the end, and made coarser as the run gets long.
  static constexpr std::size_t kSlicesMax = 8 * kBatches;

  void add(const wire::NamedTrace& trace);

  // The whole run as one slice.
  const Slice& whole() const { return whole_; }
  Wall first() const { return first_; }
  Wall last() const { return last_; }
  // The time from the first request due to the last one.
  double span_s() const;
  // The run in `kBatches` stretches of equal time, but for a rest of a slice; empty where it is too
  // short to be cut so.
  std::vector<Slice> batches() const;
  // Good answers a second in each stretch, by when their requests were due: an answer that comes
  // late, or the last one, makes no rate smaller. The run's first and last slice aren't whole.
  std::vector<double> answer_rates() const;
  // The same over the run.
  double answer_rate() const;
  double offered_rate() const;

  // All that it is made of, so that it can be written down (analysis/bundle.h) and made again.
  struct State {
    Duration width{0};
    std::int64_t first_slice = 0;
    std::vector<Slice> slices;
    Wall first = kNoWall;
    Wall last = kNoWall;
  };
  State state() const { return {width_, first_slice_, slices_, first_, last_}; }
  // The batches of such a state; nothing where its parts contradict each other.
  static std::optional<Batches> of_state(State state);

 private:
  std::size_t at(Wall created);
  double rate_of(std::uint64_t count) const;
  void merge_pairs();
  std::vector<Slice> cut(std::size_t from, std::size_t to) const;

  Duration width_ = std::chrono::milliseconds{1};
  std::int64_t first_slice_ = 0;  // number of slices_[0], counted from 1970
  std::vector<Slice> slices_;
  Slice whole_;
  Wall first_ = kNoWall;
  Wall last_ = kNoWall;
};

}  // namespace galileo::analysis
