#include "commands/commands.h"

#include <fmt/format.h>

namespace galileo::commands {

const std::vector<Command>& all_commands() {
  static const std::vector<Command> commands{
#define COMMAND(name, text) {#name, text, &name},
#include "commands/commands.def"
#undef COMMAND
  };
  return commands;
}

std::string version_text() {
  return fmt::format("galileo {}\n", GALILEO_VERSION);
}

std::string help_text() {
  std::string text =
      "galileo: load-testing experiments with fine-grained telemetry\n\n"
      "usage: galileo COMMAND [options]\n\ncommands:\n";
  for (const Command& command : all_commands())
    text += fmt::format("  {:<8} {}\n", command.name, command.text);
  text +=
      "\noptions:\n"
      "  -h, --help     this text; `galileo COMMAND --help` says more, with an example\n"
      "  help NAME      of a command its help; of arrivals, shapes, routers, policies, databases,\n"
      "                 instruments, metrics (of thresholds), failures which there are\n"
      "  --version      the version\n\n"
      "example:\n"
      "  galileo target --listen 127.0.0.1:8080 &\n"
      "  galileo load http://127.0.0.1:8080/ --rate 1k --duration 10s\n";
  return text;
}

}  // namespace galileo::commands
