// Looks at a laboratory: asks its bus, its etcd and its cluster, and says what it saw. Blocking,
// with deadlines of some seconds each.
#pragma once

#include <string>
#include <vector>

#include "bus/bus.h"
#include "experiment/cluster_calls.h"
#include "experiment/findings.h"
#include "gateway/etcd.h"

namespace galileo::experiment {

Result<BusFacts> look_at_bus(bus::Bus& bus);
Result<ClusterFacts> look_at_cluster(ClusterCalls& calls, const std::string& where,
                                     const std::string& name_space);
// Whether one of its members answers.
Result<void> look_at_etcd(const gateway::EtcdOptions& etcd);

}  // namespace galileo::experiment
