// What a plan needs of a cluster beside nodes and gateways: a server that is new enough for it, for
// autoscalers somebody who measures, and the right to take back what it does. Asked before anything
// is made. Blocking, some requests.
#pragma once

#include <string>
#include <vector>

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

// Without which a run can't see what becomes of what it makes, or can't take it back. A right to
// make something is told by its own refusal, after which all else is taken back.
std::vector<kubernetes::Right> rights_to_take_back(const plan::Plan& plan,
                                                   const std::string& name_space);
// An Error (kUsage) that names those that are missing.
Result<void> check_rights_to_take_back(const plan::Plan& plan, ClusterCalls& calls,
                                       const std::string& name_space);

}  // namespace galileo::experiment
