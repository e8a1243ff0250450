// Experiments from another database, or from a folder of exported tables, into this one.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace galileo::commands {

struct ImportFlags {
  std::string source;            // as --db names a database, or a folder
  std::vector<std::string> ids;  // empty: all of the source's
  std::string database;          // the target
  std::string name;              // the copy's; empty: the same
  bool replace = false;
};

Result<int> import_experiments(const ImportFlags& flags);

}  // namespace galileo::commands
