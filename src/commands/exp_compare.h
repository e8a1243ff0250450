// Two or more experiments side by side, each against the first.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/store.h"

namespace galileo::commands {

struct CompareFlags {
  // Each an id or a bundle's file, or several that are runs of the same: "A1,A2,A3".
  std::vector<std::string> sides;
  double tolerance_pct = 10;
  double spread_pct = 5;  // by which runs of the same are taken to differ, of one run a side
  bool force = false;     // also where the experiments asked for different things
  bool json = false;
};

// A word that names a file of write_bundle(), and no experiment: with a slash, or .json at its end.
bool is_bundle(std::string_view word);
// False where all that is compared are bundles.
bool needs_database(const CompareFlags& flags);

// Prints them; the exit code: kRegression where one is shown, kNotComparable where what was asked
// for, host, version or a verdict forbid it, or kFine. `store` may be null where no database is
// needed.
Result<int> compare_experiments(store::Store* store, const CompareFlags& flags);

// Writes what a comparison needs of an experiment into a file; empty: named by its id.
Result<int> write_bundle(store::Store& store, const std::string& id, const std::string& output);

}  // namespace galileo::commands
