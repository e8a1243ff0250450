// Who measures during a run: this machine's instruments (this_machine.cc), or all nodes of a bus
// (fleet_telemetry.cc). Lives on the run's
// thread; samples go to the collector, from any.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "bus/bus.h"
#include "experiment/collector.h"
#include "experiment/platform.h"
#include "net/clock.h"
#include "plan/plan.h"
#include "wire/sample.h"

namespace galileo::experiment {

class TelemetrySource {
 public:
  struct Context {
    const plan::Plan& plan;    // whose `telemetry` says what is measured
    const Platform& platform;  // its applications run already
    Collector& collector;
    const WallClock& wall_clock;
  };
  virtual ~TelemetrySource() = default;

  // What is known of the nodes that are measured, from before the run; this machine's comes first.
  virtual Result<std::vector<wire::NodeInfo>> nodes() = 0;
  // What the context names stays until stop().
  virtual Result<void> start(const Context& context) = 0;
  // No sample comes after it. Nothing where it wasn't started.
  virtual void stop() = 0;
};

// The instruments of this machine, read at a desk of their own.
std::unique_ptr<TelemetrySource> this_machine();

// All nodes that publish on the bus, which are unpaused for the run and paused after it, and this
// machine's instruments where no daemon of this node is among them. The bus outlives it.
std::unique_ptr<TelemetrySource> telemetry_of_fleet(bus::Bus& bus);

}  // namespace galileo::experiment
