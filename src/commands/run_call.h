// A run as the commands make one: what experiment::run() needs of the world, of a plan and of where
// its rows go. `galileo run`, `galileo load`, daemons and runs that other programs start share it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "analysis/result.h"
#include "base/result.h"
#include "bus/bus.h"
#include "experiment/run.h"
#include "experiment/run_watcher.h"
#include "experiment/stop.h"
#include "fleet/lease.h"
#include "plan/plan.h"
#include "store/recording.h"

namespace galileo::commands {

// What else is said of a run: plain, and the caller's.
struct RunTerms {
  std::vector<experiment::RunObserver*> observers = {};
  std::optional<wire::Experiment> queued = {};  // see experiment::RunSetup, as the last one
  // Of a fleet that the caller has; it outlives the run, and who is told that it is lost asks the
  // run to end. Null: the fleet of the bus is waited for here, and given back in the end.
  const fleet::FleetLease* lease = nullptr;
  // Null lease: false refuses (kUnavailable) where another has the fleet.
  bool waits_for_fleet = true;
  std::function<std::optional<experiment::Ending>()> ending = {};
  experiment::Steering* steering = nullptr;  // null: nobody changes the load by hand
  experiment::RunWatcher* beside = nullptr;  // of a LeasedRun: is told all that it is told
};

// On the workers of `bus`, or of this process where it is null; applications are processes of this
// machine, or pods where the plan has some. Blocking; on the caller's thread, as experiment::run().
// kInterrupted: it was asked to end while it waited for the fleet.
Result<experiment::RunOutcome> carry_out(const plan::Plan& plan,
                                         const store::RecordingOptions& kept, bus::Bus* bus,
                                         const analysis::Provenance& provenance,
                                         experiment::RunWatcher& watcher, experiment::Stop& stop,
                                         const RunTerms& terms = {});

// The worst thing that can be said of the run, as an exit code.
int code_of(const experiment::RunOutcome& outcome);

// schema/result.schema.json has its form.
std::string document_of(const experiment::RunOutcome& outcome);

}  // namespace galileo::commands
