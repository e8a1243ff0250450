// A client's due times: its arrival within its limits, from its own seed. When one client is spread
// over several loops, each takes its stripe of the same sequence, so that the schedule of a seed is
// the same for any number of threads. Passive; lives on its client's loop.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "load/arrival.h"

namespace galileo::load {

// Those requests of 1, 2, 3, ... whose number - 1 leaves `index` when divided by `count`.
struct Stripe {
  std::uint32_t index = 0;
  std::uint32_t count = 1;
};

// One request that is due.
struct Due {
  Duration at{0};            // since the start of the phase
  std::uint64_t number = 0;  // over all stripes, from 1
};

class Schedule {
 public:
  // `client` is the client's number over the whole run: with `seed` it gives its draws.
  // `ends_after` (since the start of the phase) holds where the spec has no duration of its own. A
  // request that is due at the very end is still sent. `ahead`: as Arrival::set_ahead() has it.
  // `spec` outlives the schedule.
  static Result<Schedule> make(const ClientSpec& spec, std::uint64_t seed, std::uint32_t client,
                               Stripe stripe, std::optional<Duration> ends_after, double ahead = 0);

  // A schedule of an arrival that has begun nowhere else, until `ends_after` its start or until so
  // many requests, whatever comes first; none: without that end. `random` is what it draws from.
  Schedule(std::unique_ptr<Arrival> arrival, const Random& random,
           std::optional<Duration> ends_after, std::optional<std::uint64_t> requests);

  // The next request of this stripe; nothing when there are no more, or none yet (waiting()).
  std::optional<Due> next();
  // From `at` on, since the start of the phase, this arrival says when requests are due, with draws
  // of its own; what the one before it would have made due then isn't. Where next() has given such
  // a request already, it is taken back: it isn't to be sent, and next() gives another.
  void change(Duration at, std::unique_ptr<Arrival> arrival);

  // Nothing is due later, since the start of the phase; none: without that end.
  std::optional<Duration> ends_after() const { return ends_after_; }
  // next() had nothing, but may have later, when more of the arrival has come.
  bool waiting() const { return requests_max_ > count_ && arrival_->waiting(); }

 private:
  struct Change {
    Duration at{0};
    std::unique_ptr<Arrival> arrival;
    Random random;
  };

  std::unique_ptr<Arrival> arrival_;
  Random random_;
  Random seeds_of_changes_;
  std::deque<Change> changes_;    // in order of time; those to come
  std::vector<Duration> others_;  // due before what next() gave, and after what it gave before that
  std::optional<Duration> given_;
  Stripe stripe_;
  Duration start_after_{0};
  std::optional<Duration> ends_after_;
  std::uint64_t requests_max_;
  std::uint64_t count_ = 0;  // over all stripes
};

}  // namespace galileo::load
