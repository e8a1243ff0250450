// What is wrong with a laboratory, by what was seen of it: its bus, its etcd, its cluster. Facts
// in, findings out, each with its mend; nothing is asked here. Pure functions and values.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "experiment/run_ledger.h"
#include "plan/plan.h"

namespace galileo::experiment {

struct Finding {
  enum class Level : unsigned char { kFine, kWarning, kFault };
  Level level = Level::kFine;
  std::string about;  // "bus", "zone zone-a", "node node1"
  std::string text;
  std::string mend;  // empty where there is nothing to mend
};

struct SeenNode {
  std::string name;
  std::map<std::string, std::string> labels;
  bool is_ready = false;
  bool is_cordoned = false;
  std::string architecture = {};         // Go's name; empty: not told, as the rest
  std::vector<std::string> images = {};  // names of images that are on it
  bool tells_all_images = true;          // a kubelet tells of so many only
  std::string cgroup_driver = {};        // its kubelet's: "systemd", "cgroupfs"
  std::string cgroup_root = {};          // below which its kubelet keeps containers
};

struct SeenContainer {
  std::string name;
  std::string image;          // as it was asked for
  std::string image_id = {};  // as the node has it; empty: it doesn't run
  std::string pull_policy = {};
  std::string cpu_limit = {};  // empty: none
};

// A pod of ours: a worker's, a gateway's, a telemd's, an adapter's.
struct SeenPod {
  std::string name;
  std::string app;   // its label `app`
  std::string zone;  // of gateways and workers
  std::string node;
  bool is_ready = false;
  std::string trouble;     // why it isn't, in Kubernetes' words
  std::string owner = {};  // the name of the set that made it
  std::vector<SeenContainer> containers = {};
};

// What makes pods of ours: a DaemonSet, or the adapter's Deployment.
struct SeenSet {
  std::string name;
  std::string selector;  // the node labels that it wants: "a=b,c=d"
  std::int64_t wanted = 0;
  std::int64_t ready = 0;
  std::string trouble;  // why pods of it can't be made
  std::string kind = "daemonset";
  std::map<std::string, std::string> node_labels = {};  // the selector
  std::vector<SeenContainer> containers = {};
  // Against deployment/kubernetes: shipped_specs.h.
  std::vector<std::string> lacks = {};
  std::vector<std::string> differs = {};

  bool is_for(const SeenNode& node) const;
};

// Somebody else's pod that has a gateway's port on a gateway's node.
struct SeenPortHolder {
  std::string node;
  std::string pod;  // "kube-system/svclb-traefik-x"
};

struct SeenWorker {
  std::string name;
  std::string zone;
  bool is_alive = false;
  std::optional<Duration> clock_offset;
};

struct ClusterFacts {
  std::string where;
  std::string version;              // "v1.34.4"
  std::optional<Error> metrics;     // why nobody tells what pods use
  std::vector<std::string> denied;  // "create pods"
  std::vector<SeenNode> nodes;
  std::vector<SeenPod> pods;
  std::vector<SeenSet> sets;
  std::vector<ClaimState> claims;
  std::vector<std::string> orphans;  // objects with a run's label whose lease is gone
  std::string name_space = {};
  std::string release = {};         // that our deployment files are of
  std::string security_level = {};  // the namespace's: "baseline"; empty: it has none
  std::map<std::string, std::string> cpu_defaults = {};  // what each LimitRange gives containers
  std::vector<SeenPortHolder> port_holders = {};
  std::vector<std::string> unseen = {};  // what couldn't be looked at, and isn't needed by a run
};

struct BusFacts {
  std::string where;
  std::vector<SeenWorker> workers;
  std::vector<std::string> telemetry;  // nodes whose daemons listen
  std::size_t adapters = 0;
  std::set<std::string> fault_agents = {};  // nodes whose agents listen
  // What each node's telemetry daemon says of it: telemd.info.
  std::map<std::string, std::map<std::string, std::string>> nodes = {};
};

std::vector<Finding> findings_of(const BusFacts& bus);
std::vector<Finding> findings_of(const ClusterFacts& cluster);
// What only both together tell: workers and telemetry that should be there.
std::vector<Finding> findings_of(const ClusterFacts& cluster, const BusFacts& bus);
// Fault agents that the plan's events need; of free pods any of the cluster's nodes may be theirs.
std::vector<Finding> findings_of_faults(const plan::Plan& plan, const ClusterFacts& cluster,
                                        const BusFacts& bus);

}  // namespace galileo::experiment
