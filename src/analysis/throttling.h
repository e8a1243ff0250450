// Containers that a CPU limit held back while they were measured. Of an application that is a
// figure; of what a result is made with (gateways, workers, telemetry) it is a ground for doubt,
// since it is latency that nobody asked for. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analysis/joined_view.h"
#include "analysis/own_share.h"

namespace galileo::analysis {

// Periods of CPU limits, a tenth of a second each where nobody sets another.
struct Throttled {
  std::uint64_t periods = 0;    // in which there was something to do
  std::uint64_t throttled = 0;  // of them: the limit was used up
  double share() const;
};

// Of all its containers together; nothing where none has a limit, or none was measured.
std::optional<Throttled> throttled_of(const JoinedView& joined, const PodLives::Pod& pod);

// "gateway", "worker", "telemetry"; empty: it is no part of ours.
std::string part_of(const PodLives::Pod& pod);

// "the gateway go-1 on node2 was held back by its CPU limit in 35 of 120 periods (29 %)". A worker
// that says so itself (`generator`) isn't told a second time.
std::vector<std::string> doubts_of_throttling(const JoinedView& joined,
                                              const GeneratorState* generator);

}  // namespace galileo::analysis
