// Whether a pod takes requests, by what Kubernetes says of it. Pure.
#pragma once

#include "pods/pod.h"

namespace galileo::experiment {

// It runs, isn't to go, and is ready: where it has a readiness probe by that. Pods of a node that
// Kubernetes hasn't heard of for 40 seconds are called unready too, whatever they are, also where
// it was the API server that was away: `leases_tell` says that somebody looks whether the nodes
// live (node_watch.h), and then that counts for nothing.
bool takes_requests(const pods::Pod& pod, bool leases_tell);

}  // namespace galileo::experiment
