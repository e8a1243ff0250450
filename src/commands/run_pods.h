// What `run` needs where an application of the plan is pods of a cluster: which cluster, and where
// its gateways' weights are.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "bus/bus.h"
#include "experiment/on_kubernetes.h"
#include "plan/plan.h"

namespace galileo::commands {

// Null where no application of the plan is pods. `others` and `bus` (or null) outlive it.
Result<std::unique_ptr<experiment::OnKubernetes>> pods_of(const plan::Plan& plan,
                                                          experiment::Processes& others,
                                                          bus::Bus* bus);

// The objects that a run would make, a document of YAML each; empty where there would be none.
Result<std::string> objects_text(const plan::Plan& plan);

}  // namespace galileo::commands
