// Which command lines of stress-ng the agent runs: options that use up a machine and touch nothing
// of it. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace galileo::chaos {

struct StressCommand {
  std::vector<std::string> words;     // behind "stress-ng"
  std::optional<std::uint32_t> cpus;  // of --cpu; 0: all
  std::uint32_t load_pct = 100;       // of --cpu-load
  std::uint32_t memories = 0;         // of --vm
  std::uint64_t memory = 0;           // bytes, of all --vm together
  Duration timeout{0};                // 0: none
  // Options that our own burner doesn't know.
  std::vector<std::string> beyond;
};

// From the options of an order, in their order. Errors (kUsage) say which can't be.
Result<StressCommand> check_stress(const std::vector<std::pair<std::string, std::string>>& options);

}  // namespace galileo::chaos
