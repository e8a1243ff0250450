// How much of the latencies is the generator's own doing. A request is late where it goes out after
// it was due, and where its answer lies with the system before it is read; it waits where no
// connection may be opened. What each percentile would be without that is known only if it is
// counted a request: the lateness of one and the latency of another make no sum. Plain values;
// hot: one add() a request.
#pragma once

#include <cstdint>

#include "base/histogram.h"

namespace galileo::load {

struct OwnTimes {
  Histogram latency;         // of all requests but those of the warm-up, whatever became of them
  Histogram without_own;     // less the generator's lateness
  Histogram without_wait;    // less the wait for a connection too
  std::uint64_t waited = 0;  // for a connection, longer than it takes to look for one
  Duration sent_late{0};     // together
  Duration read_late{0};     // together

  // The parts are clipped to what the request took.
  void add(Duration took, Duration sent_late, Duration read_late, Duration waited);
  void add(const OwnTimes& other);
};

}  // namespace galileo::load
