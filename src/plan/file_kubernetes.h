// The parts of an experiment file that speak of Kubernetes: an application's pods, and the cluster.
// What Kubernetes would refuse is found here, before anything is asked of it. A part of file.cc.
// One thread.
#pragma once

#include <string>

#include "plan/fields.h"
#include "plan/file.h"
#include "plan/plan.h"

namespace galileo::plan {

// `kubernetes` of the application `name`. Problems are added; what comes back is used only where
// there were none.
Pods read_pods(Problems& problems, const wire::YamlNode& node, const std::string& where,
               const std::string& name);

// `kubernetes` of the file, which may be absent.
Cluster read_cluster(const Fields& file, const FileOptions& options);

// What a pod that is no more does to a run whose file doesn't say it, once all else of it is read.
OnPodFailure usual_on_pod_failure(const Plan& plan);

}  // namespace galileo::plan
