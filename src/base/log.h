// What a long-running process tells: a line an event on stderr, with the time, the level, a
// constant message and its facts as key=value. Nothing per request: numbers go to counters. The
// sink is the only global there is; any thread may log.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "base/result.h"

namespace galileo {

enum class LogLevel : unsigned char { kDebug, kInfo, kWarning, kError };

// "DEBUG", "INFO", "WARN", "ERROR", in any case.
Result<LogLevel> parse_log_level(std::string_view text);

// What is below isn't told. kWarning at first.
void set_log_level(LogLevel level);

// The same lines as JSON objects too, one a line, from now on: into <folder>/<date>.json, another
// file each day. The folder is made. Errors: a file can't be written there. Called once, at the
// start.
Result<void> log_to_folder(const std::string& folder);

struct LogFact {
  std::string_view key;
  std::string value;
};

void log(LogLevel level, std::string_view message, std::initializer_list<LogFact> facts = {});

}  // namespace galileo
