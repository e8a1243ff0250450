// Two or more experiments side by side, each against the first.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "store/store.h"

namespace galileo::commands {

struct CompareFlags {
  std::vector<std::string> ids;
  double tolerance_pct = 10;
  bool json = false;
};

// Prints them; the exit code: kRegression, kInvalidResult where a verdict says that nothing is to
// be believed, or kFine.
Result<int> compare_experiments(store::Store& store, const CompareFlags& flags);

}  // namespace galileo::commands
