// What is wrong with a laboratory, by what was seen of it: its bus, its etcd, its cluster. Facts
// in, findings out, each with its mend; nothing is asked here. Pure functions and values.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "experiment/run_ledger.h"

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
};

// A pod of ours: a worker's, a gateway's, a telemd's, an adapter's.
struct SeenPod {
  std::string name;
  std::string app;   // its label `app`
  std::string zone;  // of gateways and workers
  std::string node;
  bool is_ready = false;
  std::string trouble;  // why it isn't, in Kubernetes' words
};

struct SeenDaemonSet {
  std::string name;
  std::string selector;  // the node labels that it wants: "a=b,c=d"
  std::int64_t wanted = 0;
  std::int64_t ready = 0;
  std::string trouble;  // why pods of it can't be made
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
  std::vector<std::string> denied;  // "create pods"
  std::vector<SeenNode> nodes;
  std::vector<SeenPod> pods;
  std::vector<SeenDaemonSet> daemon_sets;
  std::vector<ClaimState> claims;
  std::vector<std::string> orphans;  // objects with a run's label whose lease is gone
};

struct BusFacts {
  std::string where;
  std::vector<SeenWorker> workers;
  std::vector<std::string> telemetry;  // nodes whose daemons listen
  std::size_t adapters = 0;
};

std::vector<Finding> findings_of(const BusFacts& bus);
std::vector<Finding> findings_of(const ClusterFacts& cluster);
// What only both together tell: workers and telemetry that should be there.
std::vector<Finding> findings_of(const ClusterFacts& cluster, const BusFacts& bus);

}  // namespace galileo::experiment
