// Pods that serve a run and aren't its own: gateways, workers, telemetry daemons. They were there
// before, so that no adapter tells of them while it goes on; the run records them itself, so that
// what their containers used is known by their names. Blocking.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "experiment/cluster_calls.h"

namespace galileo::experiment {

// Of those that run now the values of the event wire::kStandingPod. Errors: not reached, no right.
Result<std::vector<std::string>> standing_pods(ClusterCalls& calls, const std::string& name_space);

}  // namespace galileo::experiment
