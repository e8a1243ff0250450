// Where the API server is and who we are to it: of a kubeconfig, or of the service account that a
// pod has. Only found here, nothing is asked. Values; find_access() reads files and blocks.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "kubernetes/kubeconfig.h"
#include "net/tls.h"

namespace galileo::kubernetes {

// What the process was started in; commands/ reads it.
struct Surroundings {
  std::string kubeconfig;  // the variable KUBECONFIG: files, with ':' between
  std::string home;
  std::string service_host;  // KUBERNETES_SERVICE_HOST and _PORT: within a pod
  std::string service_port;
  std::string account_folder = "/var/run/secrets/kubernetes.io/serviceaccount";
  bool has_terminal = false;  // a person can be asked for a login
};

struct AccessOptions {
  std::string kubeconfig;        // one file; empty: as kubectl finds it, else the service account
  std::string context;           // empty: the current one
  bool in_cluster_only = false;  // the service account and nothing else
  Surroundings around;
};

struct Access {
  std::string host_port;
  std::string base_path;               // before each path, without a '/' at its end
  std::optional<net::TlsOptions> tls;  // none: plain HTTP, and nobody is told who we are
  std::string name_space;              // where things are that say none
  UserEntry user;
  bool has_terminal = false;
  std::string told_by;  // for messages: "the context 'lab' of /home/u/.kube/config"

  std::string server() const { return (tls ? "https://" : "http://") + host_port + base_path; }
};

// Errors (kUsage, kNotFound): nothing says where a cluster is, or what does can't be used; each
// names the file.
Result<Access> find_access(const AccessOptions& options);

// What a chosen context says.
Result<Access> access_of(const ChosenContext& chosen);

}  // namespace galileo::kubernetes
