// How much the commands log, by the environment.
#pragma once

#include <string_view>

#include "base/log.h"

namespace galileo::commands {

// galileo_logging_level, else galileo_log_level, else `otherwise`; `own`, a variable of one
// command, goes over them. An Error names the variable.
Result<void> set_log_level_by_environment(LogLevel otherwise, std::string_view own = {});

}  // namespace galileo::commands
