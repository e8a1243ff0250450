// An experiment as stores and the bus hold it (docs/wire/database.md). Plain value.
#pragma once

#include <string>
#include <string_view>

#include "base/time.h"

namespace galileo::wire {

// Texts of Experiment::status.
inline constexpr const char* kQueued = "QUEUED";
inline constexpr const char* kRunning = "RUNNING";
inline constexpr const char* kInProgress = "IN_PROGRESS";  // the same, of one that was queued
inline constexpr const char* kFinished = "FINISHED";
inline constexpr const char* kFailed = "FAILED";
inline constexpr const char* kCancelled = "CANCELLED";  // ours

// It is over and stays so, whoever says otherwise later.
inline bool is_final(std::string_view status) {
  return status == kFinished || status == kFailed || status == kCancelled;
}

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
