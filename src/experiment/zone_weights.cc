#include "experiment/zone_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "gateway/etcd.h"

namespace galileo::experiment {

std::map<FunctionInZone, gateway::Targets> zone_weights(const std::vector<std::string>& functions,
                                                        const std::vector<ReadyPod>& pods,
                                                        const ClusterView& view) {
  std::set<std::string> zones;
  for (const ZoneGateway& gateway : view.gateways) zones.insert(gateway.zone);
  std::map<FunctionInZone, gateway::Targets> weights;
  for (const std::string& function : functions) {
    std::map<std::string, std::vector<std::string>> hosts;  // by zone
    for (const ReadyPod& pod : pods) {
      if (pod.function == function) hosts[pod.zone].push_back(pod.host);
    }
    for (const std::string& zone : zones) {
      gateway::Targets& targets = weights[{function, zone}];
      std::sort(hosts[zone].begin(), hosts[zone].end());
      for (const std::string& host : hosts[zone]) targets.hosts.push_back({host, 1});
      for (const ZoneGateway& gateway : view.gateways) {
        if (gateway.zone != zone && !hosts[gateway.zone].empty())
          targets.hosts.push_back({fmt::format("{}:{}", gateway.ip, kGatewayPort), 1});
      }
    }
  }
  return weights;
}

std::string weights_key(const FunctionInZone& where) {
  return gateway::weights_prefix(where.zone) + where.function;
}

}  // namespace galileo::experiment
