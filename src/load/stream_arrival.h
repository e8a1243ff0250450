// Inter-arrivals that come while they are used: a profile of ten million entries needs memory for
// the few thousand that are next. Chunks are appended by whoever reads the profile; the queue is
// bounded, and says when it is half empty, so that the next chunk is on its way before this one is
// used up. Owned by its Schedule; lives on the loop of its client.
//
// An entry that comes late keeps the time that it would have had: its request goes out at once, and
// the lateness is seen in the trace (dispatched - created). An entry of 0 or less goes at once.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "load/arrival.h"
#include "load/elapsed.h"

namespace galileo::load {

// Entries that a stream holds at most: 128 KiB a client, and at 1,000 requests a second 8 s from
// the moment it asks for more until it runs dry.
inline constexpr std::size_t kStreamCapacity = std::size_t{16} * 1024;

// Each entry must be a number. An Error that names the first one that isn't.
Result<void> check_inter_arrivals(const std::vector<double>& between_s);

class StreamArrival final : public Arrival {
 public:
  // Checked numbers, no more than room(). After the end nothing is taken any more.
  void append(std::vector<double> between_s);
  // What was appended is all.
  void end() { ended_ = true; }

  // Nothing where the queue is empty: for now (waiting()) or for good.
  std::optional<Duration> next(Random& random) override;
  bool waiting() const override { return !ended_; }
  // What is to come isn't known.
  double expected(Duration) const override { return 0; }

  // It is at most half full, and not at its end.
  bool wants_more() const { return !ended_ && queued_ <= kStreamCapacity / 2; }
  std::size_t room() const { return kStreamCapacity - queued_; }
  // Entries that have left the queue so far. With it, who appends from another thread knows the
  // room that there will be when its chunk arrives.
  std::uint64_t taken() const { return taken_; }

 private:
  std::deque<std::vector<double>> chunks_;
  std::size_t position_ = 0;  // in the first chunk
  std::size_t queued_ = 0;
  std::uint64_t taken_ = 0;
  bool ended_ = false;
  Elapsed elapsed_;
};

}  // namespace galileo::load
