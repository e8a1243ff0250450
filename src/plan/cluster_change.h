// What an event of an experiment does to the cluster that its pods are on. Plain values; read by
// plan/file_changes, done by experiment/cluster_changes and experiment/node_faults.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"

namespace galileo::plan {

// Something is done to the cluster that the pods are on, and undone: after `lasts`, or at the end
// of the run.
struct ChangeCluster {
  enum class Kind : unsigned char {
    kScale,
    kDeletePod,
    kCordon,
    kUncordon,
    kWeights,
    kResize,
    kNetem,
    kStress
  };
  Kind kind = Kind::kScale;
  std::string what;  // an application, also one pod of it; of kCordon, kUncordon, kStress a node
  std::optional<Duration> lasts;  // none: until the end of the run
  std::uint32_t replicas = 0;     // of kScale
  // Of kWeights: in that zone (empty: in all), these of a pod, a node or another zone.
  std::string zone;
  std::vector<std::pair<std::string, std::uint32_t>> weights;
  // Of kResize: limits, as Kubernetes writes them; empty: as it is.
  std::string cpu;
  std::string memory;
  // Of kNetem: what a packet that a pod sends meets.
  Duration delay{0};
  Duration jitter{0};
  double loss = 0;             // share
  std::uint64_t rate_bps = 0;  // bits a second; 0: as it is
  // Of kStress.
  std::uint32_t cpus = 0;
  std::uint64_t memory_bytes = 0;
};

// "scale hello to 3", "netem hello: delay 50.0ms, loss 5% for 20.0s".
std::string describe(const ChangeCluster& change);

}  // namespace galileo::plan
