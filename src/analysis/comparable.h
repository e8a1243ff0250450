// May two experiments be held against each other? Only where the same was asked for: else a
// difference is one of the questions. Pure function.
#pragma once

#include <string>
#include <vector>

#include "analysis/batches.h"
#include "analysis/result.h"

namespace galileo::analysis {

// What the ledger says of a run, and what came of it.
struct ComparedRun {
  RunResult result;
  Batches batches;
};

// Why `other` can't be compared with `base`, a reason each; empty: it can. Where both have their
// plans, these are compared: loop, rate, request, number and duration of each client; which servers
// were asked, by which seed, may differ. Without plans (the old system's) what was done says that.
// What was done is asked in any case: a run that was cut short isn't that of its plan.
std::vector<std::string> differences(const ComparedRun& base, const ComparedRun& other);

// Why figures of the two differ without a change of what is measured: another machine, or another
// version of this program; a reason each. What one of them doesn't tell isn't compared.
std::vector<std::string> other_circumstances(const RunResult& base, const RunResult& other);

}  // namespace galileo::analysis
