// Files of environment variables (`.env`): one NAME=VALUE a line, lines that begin with # and empty
// ones say nothing. Nothing is expanded. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace galileo::wire {

using Variables = std::vector<std::pair<std::string, std::string>>;

// Names and values in the file's order. A value has no blanks but in quotes, single or double,
// which are taken off; what no shell would take the same way is an Error of kUsage that says the
// line, and never the value, which may be a secret.
Result<Variables> parse_env_file(std::string_view text, const std::string& path);

}  // namespace galileo::wire
