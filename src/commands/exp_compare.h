// Two or more experiments side by side, each against the first.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "store/store.h"

namespace galileo::commands {

struct CompareFlags {
  std::vector<std::string> sides;  // each an id, or several that are runs of the same: "A1,A2,A3"
  double tolerance_pct = 10;
  double spread_pct = 5;  // by which runs of the same are taken to differ, of one run a side
  bool force = false;     // also where the experiments asked for different things
  bool json = false;
};

// Prints them; the exit code: kRegression where one is shown, kInvalidResult where a verdict says
// that nothing is to be believed, or kFine. An Error where they can't be compared.
Result<int> compare_experiments(store::Store& store, const CompareFlags& flags);

}  // namespace galileo::commands
