// What is left of a run's pods once they have gone, as files of its folder: the containers' last
// words and those of the ones before (<pod>.log, <pod>.before.log), the pods' statuses (pods.json)
// and what Kubernetes said about them (kubernetes-events.txt).
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "experiment/cluster_calls.h"
#include "experiment/cluster_watch.h"

namespace galileo::experiment {

// Before the pods are removed. What can't be had is left out: of a node that is silent nobody gets
// an answer. Why a file couldn't be written, where one couldn't.
std::optional<Error> keep_evidence(ClusterCalls& calls, ClusterWatch& watch,
                                   const std::string& name_space, const std::string& folder);

}  // namespace galileo::experiment
