// The table application x node: what became of the requests that each node's pods of an application
// served, how long they took, and what processor time that cost. Pure function.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "analysis/joined_view.h"
#include "analysis/summary.h"

namespace galileo::analysis {

struct PlacementRow {
  std::string application;
  std::string node;            // empty: not known, as of requests that nobody answered
  std::string zone;            // empty: the node has none, or it isn't known
  std::size_t pods = 0;        // that were there, whether they served or not
  std::uint64_t answered = 0;  // without the warm-up, as all but what is said of the processor
  std::uint64_t failed = 0;
  Histogram latency{Histogram::Grain::kCoarse};
  LegTimes execution;
  // Processor time of the pods while they were measured; nothing where one that served wasn't.
  std::optional<double> cpu_s;
  std::uint64_t served = 0;  // answered or failed, with the warm-up
  std::optional<double> cpu_s_per_request() const;
};

// By application, then node; those whose node isn't known last. Empty where no pod is known. The
// sums of answered and failed are those of the summary's services.
std::vector<PlacementRow> placement(const JoinedView& joined, const Summary& summary);

// What a pod's containers used, together; nothing where one of them wasn't measured.
std::optional<double> cpu_s_of(const JoinedView& joined, const PodLives::Pod& pod);
std::optional<double> memory_max_of(const JoinedView& joined, const PodLives::Pod& pod);

// The application that a service's requests went to: the function of the pods that served them, or
// which its name has ("<function>-<zone>", as the family's routes are called); else its own name.
class Applications {
 public:
  explicit Applications(const JoinedView& joined);
  std::string of(const std::string& service) const;

 private:
  std::map<std::string, std::set<std::string>> functions_of_;  // by service
  std::set<std::string> functions_;
  std::set<std::string> zones_;
};

}  // namespace galileo::analysis
