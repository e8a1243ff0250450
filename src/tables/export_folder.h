// Reads a folder that `galileo exp export` wrote as CSV or JSON lines. Blocking; the rows go
// through a temporary database, so that memory is bounded.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "store/store.h"

namespace galileo::tables {

// A database of its own with the folder's experiment. Fails where a file is missing, can't be
// understood (file and line are named), or has other rows than experiment.json says.
Result<std::unique_ptr<store::Store>> open_export(const std::string& folder);

}  // namespace galileo::tables
