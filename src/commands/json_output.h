// JSON for people and programs on stdout, as every command with --json has it.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace galileo::commands {

// Indented, and a newline; text that isn't UTF-8 gets the sign for that.
void print_json(const nlohmann::ordered_json& json);

}  // namespace galileo::commands
