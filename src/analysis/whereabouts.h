// Where the pods of each side of a comparison were, and who put them there: what tells two
// schedulers or autoscalers apart beside their latencies. Plain values and pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "analysis/placement.h"
#include "analysis/result.h"

namespace galileo::analysis {

// Of the runs of one side together.
struct Whereabouts {
  struct Node {
    std::uint64_t pods = 0;      // that were there, over all runs
    std::uint64_t answered = 0;  // requests
  };
  std::uint64_t runs = 0;
  std::map<std::pair<std::string, std::string>, Node> nodes;  // by application and node
  std::map<std::string, std::set<std::string>> schedulers;    // that applications ask for
  void add(const RunResult& run, const std::vector<PlacementRow>& rows);

  // A run's, on average.
  double pods_of(const Node& node) const;
  // Of an application's requests that were answered on a known node, 0 to 1.
  double share_of(const std::string& application, const Node& node) const;
};

// The sides beside each other, a line for each application on each node, below their columns;
// empty where no pod of any is known.
std::string whereabouts_text(const std::vector<Whereabouts>& sides);

}  // namespace galileo::analysis
