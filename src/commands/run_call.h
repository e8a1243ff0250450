// A run as the commands make one: what experiment::run() needs of the world, of a plan and of where
// its rows go. `galileo run`, `galileo load` and runs that other programs start share it.
#pragma once

#include <string>
#include <vector>

#include "analysis/result.h"
#include "base/result.h"
#include "bus/bus.h"
#include "experiment/run.h"
#include "experiment/run_watcher.h"
#include "experiment/stop.h"
#include "plan/plan.h"
#include "store/recording.h"

namespace galileo::commands {

// On the workers of `bus`, or of this process where it is null; applications are processes of this
// machine, or pods where the plan has some. Blocking; on the caller's thread, as experiment::run().
Result<experiment::RunOutcome> carry_out(
    const plan::Plan& plan, const store::RecordingOptions& kept, bus::Bus* bus,
    const analysis::Provenance& provenance, experiment::RunWatcher& watcher, experiment::Stop& stop,
    const std::vector<experiment::RunObserver*>& observers = {},
    experiment::Steering* steering = nullptr);

// The worst thing that can be said of the run, as an exit code.
int code_of(const experiment::RunOutcome& outcome);

// schema/result.schema.json has its form.
std::string document_of(const experiment::RunOutcome& outcome);

}  // namespace galileo::commands
