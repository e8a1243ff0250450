// `galileo exp submit | queue | running | follow | cancel`: experiments of a laboratory, by its
// API.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

namespace CLI {
class App;
}

namespace galileo::commands {

struct ExpApiFlags {
  std::string api;  // its URL; empty: the variable, the file, or this machine's
  std::string id;
  std::string file;
  std::vector<std::string> set;
  std::vector<std::string> tags;
  std::string name;
  std::string key;
  bool wait = false;
  bool now = false;
  bool json = false;
};

// Adds the subcommands; `chosen` is set to the one that was given, and gives its exit code.
void add_api_commands(CLI::App& app, ExpApiFlags& flags, std::function<Result<int>()>& chosen);

}  // namespace galileo::commands
