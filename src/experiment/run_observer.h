// Who watches the requests of a run for systems beside it: a page for scrapers, an exporter. It
// sees each trace where the collector's desk has it, and hands on what it makes of it by means of
// its own: it never waits, since that desk has the rings of all loops to empty. It can't fail the
// run, and outlives it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "load/ledger.h"
#include "plan/plan.h"
#include "wire/experiment.h"
#include "wire/trace.h"

namespace galileo::experiment {

class RunObserver {
 public:
  virtual ~RunObserver() = default;

  // The run has an id; before the first trace. On the run's thread, as all that isn't said else.
  virtual void begin(const wire::Experiment& experiment, const plan::Plan& plan) = 0;
  // At the collector's desk. The names are those of the trace's producer, and stay.
  virtual void on_trace(const wire::Trace& trace, const wire::Names& names) = 0;
  // After those that were there at once, or none. At the same desk.
  virtual void on_turn() {}
  // How many requests have come due so far; again and again while they are sent.
  virtual void on_counts(const load::Begun& /*begun*/) {}
  // How many of them are under way; about once a second, while they are sent.
  virtual void on_in_flight(std::uint64_t /*requests*/) {}
  // There are no more traces, and the desk is over. What of it a result should say: a line each.
  virtual std::vector<std::string> end() { return {}; }
};

}  // namespace galileo::experiment
