// What a worker is told by flags and by its environment: of `galileo worker`, and of one inside a
// session.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "commands/spool_options.h"
#include "fleet/worker.h"

namespace galileo::commands {

// What is empty is the environment's to say, or has a default.
struct WorkerFlags {
  std::string bus;
  std::string name;
  std::string trace_logging;
  std::string database;
  std::string spool_folder;
  SpoolFlags spool;
  std::string status;
  std::string metrics;
  std::uint32_t threads = 0;
  std::uint32_t connections = 0;
  bool ipv4 = false;
  bool ipv6 = false;
  std::string keep_response;
  bool no_headers = false;
};

// How much of each answer's body a trace keeps where neither says it.
inline constexpr const char* kResponseKept = "1MiB";

// kUsage names the flag or the variable that is wrong.
Result<fleet::WorkerOptions> worker_options(const WorkerFlags& flags);

}  // namespace galileo::commands
