// When requests are due. An Arrival is a pure sequence: the same seed gives the same times on any
// machine and any number of threads. It knows no clock; Schedule puts it into a client's limits.
// Owned by its Schedule; lives on the loop of its client.
//
// Times are whole nanoseconds since the client's start. Each is rounded from the exact sum of what
// came before it, so that no rounding adds up: ten million requests at 3,000/s end where they must.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "load/workload.h"

namespace galileo::load {

// No request is ever due later than this; a sequence that would go on beyond it has ended.
inline constexpr Duration kHorizon = std::chrono::hours{24 * 365 * 100};

class Arrival {
 public:
  virtual ~Arrival() = default;
  // Time since the client's start at which the next request is due: one inter-arrival after the
  // start for the first, never before the last one; nothing when the sequence has ended.
  virtual std::optional<Duration> next(Random& random) = 0;
  // Asked when next() had nothing: there may be more later. Only of what is fed while it is used.
  virtual bool waiting() const { return false; }
  // How many requests are due within that time since the start, on average over all seeds; to be
  // asked before the first next().
  virtual double expected(Duration within) const = 0;
  // Each of equal clients is ahead by another share, 0 to 1, of the time between two of its
  // requests, so that theirs lie evenly between each other (interleaved()) and don't go out in
  // bursts. Before the first next(). What chance or a list places has nothing to be ahead of.
  virtual void set_ahead(double) {}
  // What expected() is of that many clients that are ahead of each other so.
  virtual double expected_together(Duration within, std::uint32_t clients) const {
    return clients * expected(within);
  }
};

// A rate over time, as its integral: a request is due each time that it reaches the next whole
// number (static), or the next sum of unit exponential draws (exponential: a Poisson process). In
// seconds, and requests a second.
class RateShape {
 public:
  virtual ~RateShape() = default;
  // The time at which the integral of the rate since 0 reaches `amount`, which only ever grows from
  // call to call; nothing when it never does.
  virtual std::optional<double> when(double amount, Random& random) = 0;
  // The integral up to `at_s`; of a rate that chance makes, on average. Before the first when().
  virtual double reached(double at_s) const = 0;
};

#define ARRIVAL(name, parameters, fewest, most, text) \
  Result<std::unique_ptr<Arrival>> make_##name(const ArrivalSpec& spec);
#include "load/arrivals.def"
#undef ARRIVAL

// By how much of the time between two of its requests client `index` of `count` equal ones is
// ahead: the first one most, so that together they are due as one client of `count` times the rate.
inline double interleaved(std::uint32_t index, std::uint32_t count) {
  return count > 1 ? static_cast<double>(count - 1 - index) / count : 0;
}

// Requests at the rate of `shape`; `process` is "static" or "exponential".
Result<std::unique_ptr<Arrival>> make_rate_arrival(std::unique_ptr<RateShape> shape,
                                                   const std::string& process);

// Checks kind, parameters and process; not for a spec that is unpaced(). A list of recorded
// inter-arrivals isn't copied: `spec` outlives the arrival.
Result<std::unique_ptr<Arrival>> make_arrival(const ArrivalSpec& spec);

// Whether it is as fast as possible: no time between requests that could be told from none
// (`constant` without a parameter, a distribution of draws that are never above 0). Has no
// schedule; its requests are sent as connections become free.
bool unpaced(const ArrivalSpec& spec);

// How many requests a spec makes due within `duration`, on average; infinite for an unpaced one,
// 0 for one that make_arrival() refuses.
double expected_requests(const ArrivalSpec& spec, Duration duration);

struct ArrivalRow {
  std::string_view name;
  std::string_view parameters;
  std::size_t fewest;  // parameters
  std::size_t most;
  std::string_view text;
};
// The rows of arrivals.def, then the distributions.
const std::vector<ArrivalRow>& arrival_rows();
std::vector<std::string> arrival_names();

// An Error about the parameters of an arrival.
Error wrong_arrival(std::string why, std::string hint);

// Every rate is from 0 to 1e9 requests a second: one a nanosecond, the grain of time in here.
Result<void> check_rates(std::string_view kind, const std::vector<double>& rates_rps);

}  // namespace galileo::load
