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

namespace {

// The hosts that are called so, where the function is asked for in that zone.
std::set<std::string> hosts_called(const std::string& name, const FunctionInZone& where,
                                   const std::vector<ReadyPod>& pods, const ClusterView& view) {
  std::set<std::string> hosts;
  const auto take = [&](auto is_meant) {
    for (const ReadyPod& pod : pods) {
      if (pod.function == where.function && is_meant(pod)) hosts.insert(pod.host);
    }
    return !hosts.empty();
  };
  if (take([&](const ReadyPod& pod) { return pod.name == name; })) return hosts;
  if (take([&](const ReadyPod& pod) { return pod.node == name; })) return hosts;
  for (const std::string& ip : view.gateways_of(name))
    hosts.insert(fmt::format("{}:{}", ip, kGatewayPort));
  return hosts;
}

}  // namespace

void set_weights(const plan::ChangeCluster& change, const FunctionInZone& where,
                 const std::vector<ReadyPod>& pods, const ClusterView& view,
                 gateway::Targets& targets) {
  if (change.what != where.function || (!change.zone.empty() && change.zone != where.zone)) return;
  const auto is_pod = [&](const std::string& name) {
    return std::any_of(pods.begin(), pods.end(),
                       [&](const ReadyPod& pod) { return pod.name == name; });
  };
  for (const bool of_pods : {false, true}) {
    for (const auto& [name, weight] : change.weights) {
      if (is_pod(name) != of_pods) continue;
      const std::set<std::string> hosts = hosts_called(name, where, pods, view);
      for (route::Host& host : targets.hosts) {
        if (hosts.contains(host.name)) host.weight = weight;
      }
    }
  }
}

bool has_target(const plan::ChangeCluster& change, const std::string& name,
                const std::vector<ReadyPod>& pods, const ClusterView& view) {
  return !hosts_called(name, {change.what, change.zone}, pods, view).empty();
}

std::string weights_key(const FunctionInZone& where) {
  return gateway::weights_prefix(where.zone) + where.function;
}

}  // namespace galileo::experiment
