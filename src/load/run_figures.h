// What came of one run's requests, beyond the ledger: what those who make requests came to, the
// checks, and what was said of the first request that failed by each reason. A loop keeps it by
// run, so that two runs on one worker don't count each other's; the run of phases is the one
// without a name. Values; counted on their loop.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "load/checks.h"
#include "load/request_source.h"
#include "wire/trace.h"

namespace galileo::load {

struct RunFigures {
  SourcesFigures sources;
  std::map<std::string, CheckCounts> checks;  // by name, warm-up left out
  // What TLS, HTTP/2 or a scenario said of the first of each.
  std::map<wire::Failure, std::string> first_failures;

  // What `other` says first of a failure is kept only where nothing is here.
  void add(const RunFigures& other);
};

// The same while it is counted: where the counts of each check are.
struct RunCounting {
  RunFigures figures;
  std::unordered_map<const Checks*, std::vector<CheckCounts*>> check_places;
};

}  // namespace galileo::load
