// Which cluster a command speaks to: its flags over KUBECONFIG, ~/.kube/config and the service
// account of a pod.
#pragma once

#include <string>

#include "base/result.h"
#include "kubernetes/access.h"

namespace galileo::commands {

// `kubeconfig`, `context`: empty where the flags aren't given.
Result<kubernetes::Access> kubernetes_access(const std::string& kubeconfig,
                                             const std::string& context,
                                             bool in_cluster_only = false);

}  // namespace galileo::commands
