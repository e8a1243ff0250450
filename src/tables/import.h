// Whole experiments from one database, or from a folder of exported tables, into another. Blocking.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/copy.h"
#include "store/store.h"

namespace galileo::tables {

struct ImportOptions {
  std::string name;      // the copy's, where there is one only; empty: the same
  bool replace = false;  // what the target has under an id is removed first
  // Told once before the first row, with how many there are.
  std::function<void(std::uint64_t rows)> on_begin = [](std::uint64_t) {};
  // Told after each transaction how many are copied; false ends the import (kInterrupted).
  std::function<bool(std::uint64_t rows)> go_on = [](std::uint64_t) { return true; };
  // Told of each experiment once it is whole in the target.
  std::function<void(const wire::Experiment&, const store::CopyCounts&)> on_copied;
};

// All that `source` has, but what another import has left in part.
Result<std::vector<wire::Experiment>> whole_experiments(store::Store& source);

// Copies them one by one. Fails before the first is copied where the target has one of them already
// and `replace` isn't set. The rows that were copied.
Result<std::uint64_t> import_experiments(store::Store& source, store::Store& target,
                                         const std::vector<wire::Experiment>& experiments,
                                         const ImportOptions& options);

}  // namespace galileo::tables
