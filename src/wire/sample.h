// One reading of an instrument, and one event: the values of docs/wire/telemetry.md and bus.md.
// Plain values; `at` is the time of the read, not of the tick that asked for it.
#pragma once

#include <string>

#include "base/time.h"

namespace galileo::wire {

struct Sample {
  Wall at = kNoWall;
  std::string node;
  std::string metric;     // "cpu", "rx", "process_rss"
  std::string subsystem;  // device, container id, process; empty: none
  double value = 0;
};

struct Event {
  Wall at = kNoWall;
  std::string name;
  std::string value;  // text, often JSON; empty: none
};

struct NodeInfo {
  std::string node;
  std::string key;
  std::string value;
};

}  // namespace galileo::wire
