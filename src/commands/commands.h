// The subcommands as functions: arguments (without "galileo" and the command's own name) to exit
// code. Each parses its options, makes its objects and runs them; data goes to stdout, talk to
// stderr. Called once, on the main thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace galileo::commands {

using Arguments = std::vector<std::string>;

#define COMMAND(name, text) int name(const Arguments& arguments);
#include "commands/commands.def"
#undef COMMAND

struct Command {
  std::string_view name;
  std::string_view text;
  int (*run)(const Arguments& arguments);
};

// All of them, in the table's order.
const std::vector<Command>& all_commands();

// What `galileo --help` prints.
std::string help_text();

std::string version_text();

}  // namespace galileo::commands
