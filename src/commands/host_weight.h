// "host:port=weight", as `rtbl` and `gateway weights` take it. Pure function.
#pragma once

#include <string>

#include "base/result.h"
#include "route/table.h"

namespace galileo::commands {

// The weight is 1 where there is none. An Error (kUsage) says the form.
Result<route::Host> parse_host_weight(const std::string& word);

}  // namespace galileo::commands
