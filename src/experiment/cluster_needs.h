// What a plan needs of a cluster beside nodes and gateways: a server that is new enough for it, and
// for autoscalers somebody who measures. Asked before anything is made. Blocking, some requests.
#pragma once

#include "base/result.h"
#include "experiment/cluster_calls.h"
#include "kubernetes/version.h"
#include "plan/plan.h"

namespace galileo::experiment {

// The server's own word.
Result<std::string> server_version(ClusterCalls& calls);  // "v1.34.4"
// An Error where nobody tells what pods use, without which no autoscaler knows their CPU: there is
// no metrics API (kUsage), or who is behind it doesn't answer.
Result<void> ask_for_metrics(ClusterCalls& calls);

// An Error where the cluster hasn't what an application or an event of the plan needs.
Result<void> check_needs(const plan::Plan& plan, ClusterCalls& calls);

}  // namespace galileo::experiment
