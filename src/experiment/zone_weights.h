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

// A pod that takes requests.
struct ReadyPod {
  std::string function;
  std::string zone;
  std::string host;  // "ip:port"

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

// "golb/function/<zone>/<function>".
std::string weights_key(const FunctionInZone& where);

}  // namespace galileo::experiment
