// Reads instruments, each at its period. Passive: it says when it is due next and reads when told;
// the time of each reading is asked for right before it. Never drifts: readings lie on multiples of
// the period since the start, and those that were missed are counted, not made up for. Lives on one
// thread: a desk of the run, or of the daemon.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "telemetry/instrument.h"

namespace galileo::telemetry {

struct SamplerOptions {
  Machine machine;
  std::vector<std::string> instruments;     // empty: those of the table's default
  std::optional<Duration> period;           // for all; none: each one's own
  std::map<std::string, Duration> periods;  // of single ones, over that
};

// What one instrument has done so far.
struct InstrumentCounters {
  std::uint64_t readings = 0;
  std::uint64_t failures = 0;
  std::uint64_t missed = 0;  // readings that came due while an earlier one was late
};

class Sampler {
 public:
  // `clock` is asked for the moment of each reading. Errors: an instrument that doesn't exist, a
  // period below 10 ms.
  static Result<std::unique_ptr<Sampler>> make(const SamplerOptions& options,
                                               Sink<wire::Sample>& sink, MomentClock clock);

  ~Sampler();

  void start(Time now);
  Time next_due() const;
  // Reads what is due.
  void run_due(Time now);

  // From now on each period is `factor` times what it was made with.
  void stretch(double factor) { stretch_ = factor; }

  const InstrumentCounters& counters(std::size_t instrument) const {
    return slots_[instrument].counters;
  }
  const std::string& name(std::size_t instrument) const { return slots_[instrument].name; }
  const ContainerFinder& containers() const { return *containers_; }
  std::size_t instruments() const { return slots_.size(); }

 private:
  struct Slot {
    std::string name;
    Duration period;
    std::unique_ptr<Instrument> instrument;
    Time due{};
    InstrumentCounters counters;
  };

  Sampler(Sink<wire::Sample>& sink, const Machine& machine, MomentClock clock);

  const MomentClock clock_;
  Readings readings_;
  std::unique_ptr<ContainerFinder> containers_;  // outlives the instruments
  std::vector<Slot> slots_;
  double stretch_ = 1;
};

}  // namespace galileo::telemetry
