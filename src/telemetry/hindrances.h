// What keeps this process from the CPU, as its kernel counts it: the quota of its control groups,
// and the hypervisor. Blocking, a few small files.
#pragma once

#include <cstdint>

#include "base/time.h"
#include "telemetry/instrument.h"

namespace galileo::telemetry {

// So far; differences of two are of the time between them.
struct Hindrances {
  std::uint64_t throttled_periods = 0;  // of a CPU quota, in which it was used up
  Duration throttled{0};                // how long the group was held back then
  double steal = 0;                     // ticks that a hypervisor gave to others
  double all = 0;                       // ticks of all CPUs

  Hindrances since(const Hindrances& before) const;
  // The share of the machine's CPU time that was stolen.
  double steal_share() const { return all > 0 ? steal / all : 0; }
};

// Where a figure isn't there it is 0: without a quota nothing is throttled, without a hypervisor
// nothing stolen. Of nested groups the one that was held back longest.
Hindrances read_hindrances(const Machine& machine);

}  // namespace galileo::telemetry
