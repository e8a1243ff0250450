// What the commands' options have in common: how they are parsed, and how a wrong one is answered.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "commands/commands.h"

namespace CLI {
class App;
}

namespace galileo::commands {

// Fills the variables that `app`'s options are bound to. Nothing: go on. Otherwise the command is
// over with that exit code: --help was asked for, or the usage was wrong (said on stderr).
std::optional<int> parse_options(CLI::App& app, const Arguments& arguments);

// Prints the error as "galileo COMMAND: ..." on stderr; returns its exit code.
int fail(std::string_view command, const Error& error);

// The environment, as the rooms below take it; a secret NAME may come from the file in NAME_FILE.
std::optional<std::string> environment(std::string_view name);

// Every command has --env-file FILE: its variables are set where the environment doesn't say them;
// of several files the later ones go over those before. Called before anything reads a variable,
// and before there are threads. kUsage: a line that can't be read.
Result<void> take_env_files(const Arguments& arguments);

// An Error where a variable NAME_FILE of ours names a file that can't be read.
Result<void> check_environment_files();

// A value, and by what name it was given, for who gave something wrong.
struct Said {
  std::string value;
  std::string name;  // of the flag or the variable
};
// The flag, over the variable, over what holds without either. What is empty says nothing.
Said said(const std::string& flag, const char* flag_name, const char* variable,
          std::string otherwise = {});

// The galileo_* variables that are set: a worker's labels. Secrets are left out later, by whoever
// publishes them.
std::map<std::string, std::string> labels_of_environment();

// True where text for a person may have colour: stderr or stdout is a terminal and NO_COLOR is
// unset.
bool colour_allowed(int fd);

}  // namespace galileo::commands
