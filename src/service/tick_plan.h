// The old daemon's load as a plan of ours: requests a second, interval by interval, of all clients
// of a workload together. Pure; any thread.
#pragma once

#include "base/result.h"
#include "plan/plan.h"
#include "wire/queued_experiment.h"

namespace galileo::service {

// Each client sends its share of each interval's rate, evenly spaced; the intervals lie on a grid
// from the load's start, so that none begins late because of those before. Ticks beyond the
// duration are ignored. Services have the routes that the fleet has for them. kUsage: ticks that
// are too few, nothing to send, parameters that no request has.
Result<plan::Plan> plan_of_ticks(const wire::QueuedExperiment& queued);

}  // namespace galileo::service
