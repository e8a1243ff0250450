// What is done a second, of counts that are read now and then: over the last second, or over what
// there is where the run is younger. Counts, since a trace comes only when its request is over: of
// a server that takes three seconds, traces say that nothing was offered in the last one. Plain
// value; lives on one thread.
#pragma once

#include <cstdint>
#include <deque>

#include "base/time.h"

namespace galileo::experiment {

class LiveRates {
 public:
  struct Counts {
    std::uint64_t offered = 0;  // became due
    std::uint64_t achieved = 0;
    std::uint64_t failed = 0;
  };
  struct Rates {
    double offered_rps = 0;
    double achieved_rps = 0;
    double failed_rps = 0;
  };

  // All so far; times only grow. The first are those that the run began with.
  void add(Time at, const Counts& counts);
  Rates rates() const;

 private:
  struct Reading {
    Time at;
    Counts counts;
  };
  std::deque<Reading> readings_;
};

}  // namespace galileo::experiment
