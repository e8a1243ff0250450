// Whether a pod takes requests, and whether its node still speaks, by what Kubernetes says of them.
// Pure.
#pragma once

#include <optional>

#include "pods/pod.h"

namespace galileo::experiment {

// It runs, isn't to go, and is ready: where it has a readiness probe by that. Pods of a node that
// Kubernetes hasn't heard of for 40 seconds are called unready too, whatever they are, also where
// it was the API server that was away: `leases_tell` says that somebody looks whether the nodes
// live (node_watch.h), and then that counts for nothing.
bool takes_requests(const pods::Pod& pod, bool leases_tell);

// A node, or none where it is gone: nobody there will say that a pod has ended. One that is merely
// not ready speaks.
bool says_nothing(const std::optional<nlohmann::json>& node);

}  // namespace galileo::experiment
