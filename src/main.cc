// argv -> commands.def -> exit code.
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <vector>

#include "base/output.h"
#include "base/secrets.h"
#include "base/text.h"
#include "commands/authorities.h"
#include "commands/commands.h"
#include "commands/exit_codes.h"
#include "commands/help_tables.h"
#include "commands/log_level.h"
#include "commands/options.h"

namespace {

int unknown_command(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& command : galileo::commands::all_commands()) names.emplace_back(command.name);
  galileo::print_talk(fmt::format("galileo: unknown command '{}'; {}\n", name,
                                  galileo::hint_for_unknown(name, names)));
  return galileo::commands::kWrongUsage;
}

int command(const galileo::commands::Arguments& arguments) {
  using namespace galileo::commands;
  if (arguments.empty()) {
    galileo::print_talk(help_text());
    return kWrongUsage;
  }
  const std::string& name = arguments.front();
  if (name == "-h" || name == "--help") return help({});
  if (name == "help") return help({arguments.begin() + 1, arguments.end()});
  if (name == "--version" || name == "version") {
    galileo::print_data(version_text());
    return kFine;
  }
  for (const Command& command : all_commands()) {
    if (command.name != name) continue;
    // Services have another level for when nothing is said, and set it themselves.
    const Arguments rest(arguments.begin() + 1, arguments.end());
    auto set = take_env_files(rest);
    if (set.ok()) set = check_environment_files();
    find_authorities();
    if (set.ok()) set = set_log_level_by_environment(galileo::LogLevel::kWarning);
    if (!set.ok() && rest != Arguments{"--help"} && rest != Arguments{"-h"})
      return fail(name, set.error());
    return command.run(rest);
  }
  return unknown_command(name);
}

// A command that was done, but whose output is nowhere, hasn't ended well.
int with_output(int code) {
  using galileo::commands::kFailed, galileo::commands::kFine;
  const auto data = galileo::data_printed();
  const auto talk = galileo::talk_printed();
  // Who reads only the beginning, as `head` does, needs no explanation.
  if (!data.ok() && data.error().why != std::generic_category().message(EPIPE))
    galileo::print_talk(fmt::format("galileo: {}\n", data.error().to_text()));
  return code == kFine && !(data.ok() && talk.ok()) ? kFailed : code;
}

// Who lists the machine's processes sees their words, and no passwords among them.
void hide_secrets(const galileo::commands::Arguments& arguments, char** argv) {
  const auto shown = galileo::without_secrets_of_words(arguments);
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const std::size_t size = arguments[i].size();
    if (shown[i] == arguments[i]) continue;
    const std::size_t copied = shown[i].copy(argv[i], size);
    std::memset(argv[i] + copied, 0, size - copied);
  }
}

}  // namespace

int main(int argc, char** argv) {
  galileo::hold_standard_files();
  const galileo::commands::Arguments arguments(argv + 1, argv + argc);
  hide_secrets(arguments, argv + 1);
  return with_output(command(arguments));
}
