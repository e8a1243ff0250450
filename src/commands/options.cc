#include "commands/options.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "base/text.h"
#include "commands/exit_codes.h"

namespace galileo::commands {
namespace {

// The long flags of the app, to find the one that was meant.
std::vector<std::string> flags_of(const CLI::App& app) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
  return flags;
}

std::string hint_for(const CLI::App& app, const Arguments& arguments) {
  const std::vector<std::string> flags = flags_of(app);
  for (const std::string& argument : arguments) {
    const std::string flag = argument.substr(0, argument.find('='));
    if (flag.size() < 3 || flag.substr(0, 2) != "--") continue;
    if (std::find(flags.begin(), flags.end(), flag) != flags.end()) continue;
    if (const auto near = did_you_mean(flag, flags))
      return fmt::format("did you mean '{}'?", *near);
  }
  return "see --help";
}

}  // namespace

std::optional<int> parse_options(CLI::App& app, const Arguments& arguments) {
  Arguments reversed(arguments.rbegin(), arguments.rend());  // CLI11 takes them from the back
  try {
    app.parse(std::move(reversed));
    return std::nullopt;
  } catch (const CLI::CallForHelp&) {
    std::fputs(app.help().c_str(), stdout);
    return kFine;
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "{}: {}; {}\n", app.get_name(), error.what(), hint_for(app, arguments));
    return kWrongUsage;
  }
}

int fail(std::string_view command, const Error& error) {
  fmt::print(stderr, "galileo {}: {}\n", command, error.to_text());
  return exit_code(error.code);
}

std::optional<std::string> environment(std::string_view name) {
  const std::string key(name);
  if (const char* value = std::getenv(key.c_str())) return value;
  if (const char* path = std::getenv((key + "_FILE").c_str())) {
    std::ifstream file(path);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    if (file) return std::string(trim(text));
  }
  return std::nullopt;
}

std::map<std::string, std::string> labels_of_environment() {
  std::map<std::string, std::string> labels;
  for (char** entry = environ; *entry; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos || !text.starts_with("galileo_")) continue;
    labels.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return labels;
}

bool colour_allowed(int fd) {
  const char* no_colour = std::getenv("NO_COLOR");
  return isatty(fd) == 1 && (no_colour == nullptr || *no_colour == '\0');
}

}  // namespace galileo::commands
