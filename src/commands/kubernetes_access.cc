#include "commands/kubernetes_access.h"

#include <unistd.h>

#include "commands/options.h"

namespace galileo::commands {

Result<kubernetes::Access> kubernetes_access(const std::string& kubeconfig,
                                             const std::string& context, bool in_cluster_only) {
  kubernetes::AccessOptions options;
  options.kubeconfig = kubeconfig;
  options.context = context;
  options.in_cluster_only = in_cluster_only;
  options.around.kubeconfig = environment("KUBECONFIG").value_or("");
  options.around.home = environment("HOME").value_or("");
  options.around.service_host = environment("KUBERNETES_SERVICE_HOST").value_or("");
  options.around.service_port = environment("KUBERNETES_SERVICE_PORT").value_or("");
  options.around.has_terminal = isatty(STDIN_FILENO) == 1;
  return kubernetes::find_access(options);
}

}  // namespace galileo::commands
