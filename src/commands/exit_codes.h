// The exit codes of every command (README, "Exit codes"), and which Error ends with which.
#pragma once

#include "base/result.h"

namespace galileo::commands {

enum ExitCode : int {
  kFine = 0,
  kWrongUsage = 2,      // wrong flags or a wrong file
  kInvalidResult = 90,  // the verdict is INVALID
  kUnbalanced = 91,     // the ledger doesn't balance
  kUnreachable = 92,    // a needed server can't be reached
  kRegression = 93,     // `compare` found one
  kNotStored = 94,      // the database hasn't all of it; the spool has
  kNotComparable = 95,  // `compare`: host, version, load or verdict forbid it
  kThresholdCrossed = 99,
  kEndedBySignal = 105,
  kFailed = 1,  // anything else: a full disk, a corrupt database
};

constexpr ExitCode exit_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUsage:
    case ErrorCode::kNotFound:
      return kWrongUsage;
    case ErrorCode::kUnavailable:
      return kUnreachable;
    case ErrorCode::kInterrupted:
      return kEndedBySignal;
    case ErrorCode::kIo:
    case ErrorCode::kCorrupt:
      return kFailed;
  }
  return kFailed;
}

}  // namespace galileo::commands
