// An experiment as stores and the bus hold it (docs/wire/database.md). Plain value.
#pragma once

#include <string>

#include "base/time.h"

namespace galileo::wire {

// Texts of Experiment::status.
inline constexpr const char* kQueued = "QUEUED";
inline constexpr const char* kRunning = "RUNNING";
inline constexpr const char* kFinished = "FINISHED";
inline constexpr const char* kFailed = "FAILED";

struct Experiment {
  std::string id;  // "%Y%m%d%H%M-" and 8 hex digits; the old system has 4
  std::string name;
  std::string creator;
  Wall created = kNoWall;
  Wall start = kNoWall;
  Wall end = kNoWall;
  std::string status = kQueued;
};

}  // namespace galileo::wire
