// What the fault agent of a node is told, and what it tells (docs/wire/chaos.md). An order is the
// family's: {"name", "parameters", "kind"}; what stands beside these is ours, and agents of the
// family don't read it. A report is ours alone. Values; pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace galileo::wire {

// What an agent may start.
inline constexpr std::string_view kTc = "tc";
inline constexpr std::string_view kStress = "stress-ng";
// The payload that ends an agent; no JSON.
inline constexpr std::string_view kStopAgent = "STOP";

struct FaultOrder {
  // kTry: somewhere apart, to measure it. kRenew: all of `of` go on. kEnd: none of `of` does.
  enum class Kind : std::uint8_t { kStart, kStop, kTry, kRenew, kEnd };
  Kind kind = Kind::kStart;
  std::string name;                                          // of kRenew and kEnd: empty
  std::vector<std::string> words;                            // of tc: its arguments
  std::vector<std::pair<std::string, std::string>> options;  // of others, in their order
  // Ours.
  std::string id;       // which fault; empty: the one of these parameters
  std::string of;       // whose: an experiment's id
  std::string network;  // of tc: an address of the pod whose network is meant; empty: the node's
  Duration lasts{0};    // it is undone then; 0: by a stop
  Duration lease{0};    // it is undone so long after the last renewal; 0: as the agent has it

  bool operator==(const FaultOrder&) const = default;
};

// Errors (kCorrupt) say which key and why. Keys that aren't known are passed over. Whether words
// and options may be, the agent decides.
Result<FaultOrder> parse_fault_order(std::string_view message);
std::string to_text(const FaultOrder& order);

struct FaultReport {
  enum class State : std::uint8_t { kTried, kStarted, kRenewed, kEnded, kRefused };
  State state = State::kStarted;
  std::string node;
  std::string id;
  std::string of;
  std::string name;
  Wall at = kNoWall;                                   // by the node's clock
  std::string why;                                     // of kEnded and kRefused
  std::vector<std::pair<std::string, double>> effect;  // what was measured, by name

  bool operator==(const FaultReport&) const = default;
};

// Errors (kCorrupt): as above.
Result<FaultReport> parse_fault_report(std::string_view message);
std::string to_text(const FaultReport& report);

}  // namespace galileo::wire
