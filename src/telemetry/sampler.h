// Reads instruments, each at its period. Passive: it says when it is due next and reads when told;
// the time of each reading is asked for right before it. Never drifts: readings lie on multiples of
// the period since the start, and those that were missed are counted, not made up for. What may
// block is read apart where the machine has a loop. Lives on one thread: a desk of the run, or of
// the daemon.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "telemetry/apart.h"
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
  std::uint64_t missed = 0;    // readings that came due while an earlier one was late, or went on
  std::uint64_t left_out = 0;  // values that should be there and aren't known
};

class Sampler {
 public:
  // `clock` is asked for the moment of each reading, on any thread, and holds no reference. Errors:
  // an instrument that doesn't exist, a period below 10 ms.
  static Result<std::unique_ptr<Sampler>> make(const SamplerOptions& options,
                                               Sink<wire::Sample>& sink, MomentClock clock);

  ~Sampler();

  void start(Time now);
  Time next_due() const;
  // Reads what is due.
  void run_due(Time now);

  // From now on each period is `factor` times what it was made with.
  void stretch(double factor) { stretch_ = factor; }

  InstrumentCounters counters(std::size_t instrument) const {
    InstrumentCounters counters = slots_[instrument].counters;
    counters.left_out += slots_[instrument].readings.left_out();
    counters.missed += slots_[instrument].readings.missed();
    return counters;
  }
  const std::string& name(std::size_t instrument) const { return slots_[instrument].name; }
  const ContainerFinder& containers() const { return *containers_; }
  std::size_t instruments() const { return slots_.size(); }

 private:
  struct Slot {
    std::string name;
    Duration period;
    std::unique_ptr<Instrument> instrument;  // null where it is read apart
    Readings readings;
    Apart::Job* apart = nullptr;
    Time due{};
    InstrumentCounters counters;
  };

  Sampler(Sink<wire::Sample>& sink, const Machine& machine, MomentClock clock);

  void add(const InstrumentRow& row, const std::string& name, Duration period,
           const Machine& machine);
  void read(Slot& slot);

  Sink<wire::Sample>& sink_;
  const MomentClock clock_;
  std::unique_ptr<ContainerFinder> containers_;  // outlives the instruments
  std::deque<Slot> slots_;                       // which stay where they are
  std::unique_ptr<Apart> apart_;
  double stretch_ = 1;
};

}  // namespace galileo::telemetry
