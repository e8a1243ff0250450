// How far the clocks of workers are from the controller's. A worker of ours says over the bus what
// its wall clock is; where its answer lies between asking and being answered nobody knows, so the
// quickest of several exchanges says the most: in the middle of it, give or take half of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "bus/bus.h"

namespace galileo::fleet {

struct ClockOffset {
  Duration offset{0};       // of the remote clock: how much it is ahead of ours
  Duration uncertainty{0};  // the true offset is within that, whatever the ways there and back took

  bool operator==(const ClockOffset&) const = default;
};

// What is known of one clock after some exchanges. Pure value; not thread-safe. Clocks that drift
// apart during the exchanges (some 50 µs a second at worst) make an error that isn't counted.
class ClockEstimator {
 public:
  // `asked` and `answered` by our clock, `remote` read by the other in between. One that was
  // answered before it was asked says nothing and is left out.
  void add(Wall asked, Wall remote, Wall answered);
  // By the quickest exchange so far; nothing before the first.
  const std::optional<ClockOffset>& result() const { return best_; }

 private:
  std::optional<ClockOffset> best_;
};

// The remote function that a worker of ours answers with its wall clock: a whole number of
// nanoseconds since the Unix epoch, as JSON.
std::string clock_function(std::string_view worker);

inline constexpr unsigned kClockExchanges = 16;

// Asks the worker so often, one after the other; blocks for their round trips. `ours` is what
// offsets are told against. Nothing: it is an old worker, which has no such function (or none of
// that name is there). An Error where the bus fails, or an answer doesn't come in time or is no
// time.
Result<std::optional<ClockOffset>> measure_clock(bus::Bus& bus, std::string_view worker,
                                                 const WallClock& ours,
                                                 unsigned exchanges = kClockExchanges);

}  // namespace galileo::fleet
