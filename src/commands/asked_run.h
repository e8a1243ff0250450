// A run that a program asks a session for: an experiment file or the text of one, and what
// `galileo run` has as flags (docs/wire/session.md). Plain value.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "commands/session_parts.h"
#include "plan/plan.h"

namespace galileo::commands {

struct AskedRun {
  std::optional<plan::Plan> plan;  // made by the caller; then neither a path nor a text is read
  std::string path;                // empty: `text` is the file
  std::string text;
  std::string folder;  // where files are that the text names
  std::vector<std::string> set;
  bool reads_environment = true;  // for ${NAME} in it
  bool reads_files = true;        // that the text names
  std::string bus;
  std::string database;  // empty: as where --db isn't given
  std::string spool_folder;
  std::string report;
};

// Takes the keys of one. kUsage: neither a path nor a text, or both.
Result<AskedRun> take_run(SessionRequest& request);

// Reads the file and those that it names; blocking.
Result<plan::Plan> plan_of(const AskedRun& asked);

// As it would be typed, without secrets; a text has no name and is "-".
std::vector<std::string> words_of(const AskedRun& asked);

}  // namespace galileo::commands
