// Which targets each zone's gateway gets for each function, by where its pods are ready
// (docs/wire/gateway.md has the keys): its own pods, and the gateways of the other zones that have
// some. Pure functions and values.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "experiment/pod_objects.h"
#include "gateway/weights.h"

namespace galileo::experiment {

// Gateways hear of new weights within milliseconds; requests that they have passed on go to an end.
inline constexpr Duration kGatewaysFollow = std::chrono::milliseconds{200};

// A pod that takes requests.
struct ReadyPod {
  std::string function;
  std::string zone;
  std::string host;  // "ip:port"
  std::string name = {};
  std::string node = {};

  auto operator<=>(const ReadyPod&) const = default;
};

struct FunctionInZone {
  std::string function;
  std::string zone;

  auto operator<=>(const FunctionInZone&) const = default;
};

// For each of these functions and each zone with a gateway. Weight 1 for every target; a function
// that has no pod has none.
std::map<FunctionInZone, gateway::Targets> zone_weights(const std::vector<std::string>& functions,
                                                        const std::vector<ReadyPod>& pods,
                                                        const ClusterView& view);

// Gives the targets of that function and zone the weights that the change says, of a pod, of all on
// a node, of another zone's gateways; a pod's own goes over its node's. Others keep theirs.
void set_weights(const plan::ChangeCluster& change, const FunctionInZone& where,
                 const std::vector<ReadyPod>& pods, const ClusterView& view,
                 gateway::Targets& targets);
// Whether a target of the function is called so.
bool has_target(const plan::ChangeCluster& change, const std::string& name,
                const std::vector<ReadyPod>& pods, const ClusterView& view);

// "golb/function/<zone>/<function>".
std::string weights_key(const FunctionInZone& where);

}  // namespace galileo::experiment
