#include "commands/options.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/output.h"
#include "base/text.h"
#include "commands/exit_codes.h"
#include "wire/csv.h"
#include "wire/env_file.h"

namespace galileo::commands {
namespace {

constexpr std::string_view kEnvFile = "--env-file";
constexpr std::size_t kEnvFileMax = std::size_t{1} << 20;

// Shown and taken by the command and each of its subcommands; main has read the files already.
void add_env_file_option(CLI::App& app) {
  app.add_option_function<std::vector<std::string>>(
         std::string(kEnvFile), [](const std::vector<std::string>&) {},
         "variables, NAME=VALUE a line, that hold where the environment doesn't say them")
      ->expected(1)
      ->take_all();
  for (CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    add_env_file_option(*command);
}

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

// `--json | jq`: without a file, stdout is meant. What comes next is a file unless it is a flag, or
// the URL to load.
void name_stdout(Arguments& arguments, std::string_view flag) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] != flag) continue;
    const std::string next = i + 1 < arguments.size() ? arguments[i + 1] : "--";
    if ((next.starts_with('-') && next != "-") || next.find("://") != std::string::npos)
      arguments[i] += "=-";
  }
}

}  // namespace

std::optional<int> parse_options(CLI::App& app, const Arguments& arguments) {
  Arguments words = arguments;
  add_env_file_option(app);
  const CLI::Option* const json = app.get_option_no_throw("--json");
  if (json && json->get_items_expected_max() > 0) name_stdout(words, "--json");
  Arguments reversed(words.rbegin(), words.rend());  // CLI11 takes them from the back
  try {
    app.parse(std::move(reversed));
    return std::nullopt;
  } catch (const CLI::CallForHelp&) {
    print_data(app.help());
    return kFine;
  } catch (const CLI::ParseError& error) {
    print_talk(fmt::format("{}: {}; {}\n", app.get_name(), error.what(), hint_for(app, arguments)));
    return kWrongUsage;
  }
}

int fail(std::string_view command, const Error& error) {
  print_talk(fmt::format("galileo {}: {}\n", command, error.to_text()));
  return exit_code(error.code);
}

std::optional<std::string> environment(std::string_view name) {
  const std::string key(name);
  if (const char* value = std::getenv(key.c_str())) return value;
  if (const char* path = std::getenv((key + "_FILE").c_str())) {
    std::ifstream file(path);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    if (file) return std::string(trim(wire::after_byte_order_mark(text)));
  }
  return std::nullopt;
}

Result<void> take_env_files(const Arguments& arguments) {
  std::map<std::string, std::string> variables;
  for (std::size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
    std::string_view word = arguments[i];
    if (!word.starts_with(kEnvFile)) continue;
    word.remove_prefix(kEnvFile.size());
    std::string path;
    if (word.starts_with('='))
      path = word.substr(1);
    else if (word.empty() && i + 1 < arguments.size())
      path = arguments[++i];
    else
      continue;  // another flag, or no file: the parser of the options says so
    auto text = read_input(path, kEnvFileMax);
    if (!text.ok())
      return Error{ErrorCode::kUsage, "can't read the file of variables", path, text.error().why,
                   "name a file with NAME=VALUE lines behind --env-file"};
    for (auto& [name, value] : TRY(wire::parse_env_file(*text, path))) variables[name] = value;
  }
  for (const auto& [name, value] : variables) {
    const char* const before = std::getenv(name.c_str());
    // What is empty says nothing, and NAME_FILE says the value, too.
    const bool said =
        (before != nullptr && *before != '\0') || std::getenv((name + "_FILE").c_str()) != nullptr;
    if (!said) setenv(name.c_str(), value.c_str(), 1);
  }
  return {};
}

Result<void> check_environment_files() {
  constexpr std::string_view kFile = "_FILE";
  for (char** entry = environ; *entry; ++entry) {
    const std::string_view text(*entry);
    const std::string_view name = text.substr(0, text.find('='));
    const bool ours = name.starts_with("galileo_") || name.starts_with("telemd_");
    if (!ours || !name.ends_with(kFile)) continue;
    const std::string key(name.substr(0, name.size() - kFile.size()));
    const std::string path(text.substr(name.size() + 1));
    // Not read here: it may be a pipe, which gives what it has once.
    std::error_code unknown;
    const bool readable =
        access(path.c_str(), R_OK) == 0 && !std::filesystem::is_directory(path, unknown);
    if (!readable && !std::getenv(key.c_str()))
      return Error{ErrorCode::kUsage, "the value of an environment variable can't be read",
                   std::string(name), fmt::format("'{}' isn't a file that can be read", path),
                   fmt::format("name a file that holds the value, or set {}", key)};
  }
  return {};
}

Said said(const std::string& flag, const char* flag_name, const char* variable,
          std::string otherwise) {
  if (!flag.empty()) return {flag, flag_name};
  const std::string value = environment(variable).value_or("");
  return value.empty() ? Said{std::move(otherwise), flag_name} : Said{value, variable};
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
