// argv -> commands.def -> exit code.
#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <vector>

#include "base/text.h"
#include "commands/commands.h"
#include "commands/exit_codes.h"
#include "commands/log_level.h"
#include "commands/options.h"

namespace {

int unknown_command(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& command : galileo::commands::all_commands()) names.emplace_back(command.name);
  fmt::print(stderr, "galileo: unknown command '{}'; {}\n", name,
             galileo::hint_for_unknown(name, names));
  return galileo::commands::kWrongUsage;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace galileo::commands;
  const Arguments arguments(argv + 1, argv + argc);
  if (arguments.empty()) {
    fmt::print(stderr, "{}", help_text());
    return kWrongUsage;
  }
  const std::string& name = arguments.front();
  if (name == "-h" || name == "--help" || name == "help") {
    fmt::print("{}", help_text());
    return kFine;
  }
  if (name == "--version" || name == "version") {
    fmt::print("{}", version_text());
    return kFine;
  }
  for (const Command& command : all_commands()) {
    if (command.name != name) continue;
    // Services have another level for when nothing is said, and set it themselves.
    const Arguments rest(arguments.begin() + 1, arguments.end());
    const auto set = set_log_level_by_environment(galileo::LogLevel::kWarning);
    if (!set.ok() && rest != Arguments{"--help"} && rest != Arguments{"-h"})
      return fail(name, set.error());
    return command.run(rest);
  }
  return unknown_command(name);
}
