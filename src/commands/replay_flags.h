// How a recorded log is read and sent again, as flags: the same of `galileo load --replay` and of
// `galileo replay`. Values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "load/replay_file.h"

namespace CLI {
class App;
}

namespace galileo::commands {

struct ReplayFlags {
  std::string format;
  std::vector<std::string> fields;
  std::string times;
  std::string host;
  std::string speed;
  std::string share;
  std::uint32_t copies = 1;
  bool client_spans = false;
  bool keep_secrets = false;
  bool keep_host = false;

  // Whether any of them was given.
  bool any() const;
};

// `group`: the heading in the help under which they stand.
void add_replay_flags(CLI::App& app, ReplayFlags& flags, const std::string& group);

// `body`: "skip", "empty", "@FILE" or the text itself; empty: empty bodies.
Result<load::ReplayFile> replay_file_of(const ReplayFlags& flags, const std::string& path,
                                        const std::string& body, std::uint64_t seed);

}  // namespace galileo::commands
