// What a run asks of a cluster: the objects of its applications' pods, in the order in which they
// are made, and whether the cluster has the nodes and gateways for them. Pure functions and values;
// nothing is asked here.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "plan/plan.h"

namespace galileo::experiment {

// The family's labels, and ours. Values are an application's name, a zone, an experiment's id.
inline constexpr const char* kFunctionLabel = "ether.edgerun.io/function";
inline constexpr const char* kZoneLabel = "ether.edgerun.io/zone";
inline constexpr const char* kExperimentLabel = "galileo.edgerun.io/experiment";
inline constexpr const char* kHostLabel = "kubernetes.io/hostname";
// Where gateways listen, on their nodes.
inline constexpr std::uint16_t kGatewayPort = 8080;

// A load balancer of a zone.
struct ZoneGateway {
  std::string zone;
  std::string ip;
  std::string node = {};
};

// What of a cluster decides where pods can be.
struct ClusterView {
  struct Node {
    std::string zone;         // its label; empty: it has none
    std::string host;         // its label kubernetes.io/hostname
    std::string labels = {};  // all of them, as JSON
  };
  std::map<std::string, Node> nodes;
  std::vector<ZoneGateway> gateways;  // by zone, then ip

  std::vector<std::string> gateways_of(const std::string& zone) const;  // ips
};

// Selects the pods of these functions; of none it selects none.
std::string pods_selector(const std::vector<std::string>& functions);

// Of a node and of a gateway's pod, as the API has them. Nothing where a gateway isn't up.
ClusterView::Node read_node(const nlohmann::json& node);
// Its zone: its label, else the variable eb_go_lb_zone, else its node's, else what the name says as
// the old ones have it (go-load-balancer-deployment-zone-b-xwg9c).
ZoneGateway read_gateway(const nlohmann::json& pod, const ClusterView& view);

struct KubernetesObject {
  std::string group_version;  // "v1", "apps/v1"
  std::string plural;         // "pods"
  std::string name;
  std::string json;
};
KubernetesObject make_object(const char* group_version, const char* plural,
                             const nlohmann::json& body);

// So many pods of an application belong to a zone.
struct PodGroup {
  std::string application;
  std::string zone;  // empty: any
  std::uint32_t count = 0;
};

struct Arrangement {
  std::vector<KubernetesObject> objects;
  std::vector<PodGroup> groups;
};

// The objects of the plan's pods for this experiment. Errors (kUsage), with what there is instead:
// a node or a zone that the cluster doesn't have, a zone without a gateway, what the user adds
// clashing with what must be.
Result<Arrangement> arrange(const plan::Plan& plan, const std::string& id, const ClusterView& view);

// Each application in each zone that has a gateway: where its route leads, as "ip:8080".
std::vector<load::ServiceSpec> routes_of(const plan::Plan& plan, const ClusterView& view);

}  // namespace galileo::experiment
