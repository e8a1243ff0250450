// What is left of a run's pods once they have gone, as files of its folder: the containers' last
// words and those of the ones before (<pod>.log, <pod>.before.log; of a pod with several
// <pod>_<container>.log), the pods' statuses (pods.json) and what Kubernetes said about them
// (kubernetes-events.txt).
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "experiment/cluster_calls.h"
#include "experiment/cluster_watch.h"

namespace galileo::experiment {

// A container's log: whose it is, as the API server is asked and as the file is called.
struct ContainerLog {
  std::string container;
  std::string file;  // without its ending
};
// All of a pod, also of those that run before the others. `called`: the pod, in its files' names.
std::vector<ContainerLog> logs_of(const pods::Pod& pod, const std::string& called);

struct EvidencePlace {
  std::string experiment;  // id
  std::string name_space;
  std::set<std::string> given_spaces;  // where manifests have made pods that the watch doesn't know
  std::string folder;
};

// Before the pods are removed. What can't be had is left out: of a node that is silent nobody gets
// an answer. Why a file couldn't be written, where one couldn't.
std::optional<Error> keep_evidence(ClusterCalls& calls, ClusterWatch& watch,
                                   const EvidencePlace& place);

}  // namespace galileo::experiment
