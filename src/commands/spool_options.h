// --spool-max and --spool-full, as every command that writes a spool has them.
#pragma once

#include <string>

#include "base/result.h"
#include "store/spool.h"

namespace CLI {
class App;
}

namespace galileo::commands {

struct SpoolFlags {
  std::string max;   // empty: by galileo_spool_max, or as much as there is
  std::string full;  // empty: by galileo_spool_full, or stop
};

// `stops` says what --spool-full stop means to the command.
void add_spool_options(CLI::App& app, SpoolFlags& flags, const std::string& stops);

Result<store::SpoolLimit> spool_limit(const SpoolFlags& flags);

}  // namespace galileo::commands
