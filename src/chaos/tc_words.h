// Which command lines of tc the agent runs: those whose every word it knows to be harmless, and
// that it can undo. Never a shell, never a file, never in the place of somebody else's. Pure
// functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galileo::chaos {

// In place of a device's name: the one that has the address by which a network was named.
inline constexpr std::string_view kDeviceWord = "DEV";

struct TcCommand {
  std::vector<std::string> words;  // behind "tc"
  bool takes_away = false;         // it is a "del"
  std::string kind;                // "netem"; empty: of one that takes away
  // Takes away what it makes; of a "del" the same in its shortest form, so that the two are equal.
  std::vector<std::string> undo;
};

// Errors (kUsage) say which word can't be, and what can.
Result<TcCommand> check_tc(const std::vector<std::string>& words);

// The command for another device.
TcCommand on_device(TcCommand command, const std::string& device);
// The device that it is for.
std::string device_of(const TcCommand& command);

// What has passed a discipline, as `tc -s -j qdisc show dev X` tells it.
struct TcCounts {
  double packets = 0;
  double drops = 0;
  double overlimits = 0;
};
// Nothing where there is no such kind.
std::optional<TcCounts> parse_tc_counts(std::string_view json, std::string_view kind);

}  // namespace galileo::chaos
