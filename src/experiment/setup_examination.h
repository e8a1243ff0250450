// Looks at how our pods are set up in a cluster: what makes them, what stands in their way, and
// what their nodes' kubelets say. Of what isn't needed by a run, what the user may not see is told
// as not looked at, and is no error. Blocking, seconds at most; the first error of a thing that is
// needed ends it.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "experiment/cluster_calls.h"
#include "experiment/findings.h"

namespace galileo::experiment {

// By the label `app`, which deployment/ gives them.
bool is_ours(const std::string& app);
// Of a pod, with what became of them; or of a set's template, which has no status.
std::vector<SeenContainer> containers_of(const nlohmann::json& pod);

// Adds to what is known already: nodes and pods.
Result<void> look_at_setup(ClusterCalls& calls, const std::string& name_space, ClusterFacts& facts);

}  // namespace galileo::experiment
