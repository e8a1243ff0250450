// The options by which `gateway` and `gateway weights` are told of etcd.
#pragma once

#include <string>

#include "base/result.h"
#include "gateway/etcd.h"

namespace CLI {
class App;
}

namespace galileo::commands {

struct EtcdFlags {
  std::string endpoints;  // commas between; empty: eb_go_lb_etcd_host, or localhost:2379
  std::string user;
  std::string ca_file;
  std::string certificate_file;
  std::string key_file;
};

void add_etcd_options(CLI::App& app, EtcdFlags& flags);
// Errors: an endpoint that can't be one.
Result<gateway::EtcdOptions> etcd_options(const EtcdFlags& flags);
// The same of who writes weights for an experiment: over eb_go_lb_etcd_host go the old experiment
// library's etcd_host and etcd_port.
Result<gateway::EtcdOptions> experiment_etcd_options(EtcdFlags flags);

}  // namespace galileo::commands
