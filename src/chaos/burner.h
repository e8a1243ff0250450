// What takes up a node where stress-ng isn't installed: processes that compute, and one that holds
// memory. Run by a process of its own (`galileo chaos --under`), which ends with the agent.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace galileo::chaos {

struct Burn {
  int cpus = -1;  // 0: as many as there are; below: none
  int load_pct = 100;
  std::uint64_t memory = 0;  // bytes
  Duration timeout{0};       // 0: until it is ended
};

// From the words behind "burn": cpus, load_pct, memory, timeout in seconds.
Result<Burn> parse_burn(const std::vector<std::string>& words);

// Ends this process when its parent ends, and makes it the first that a node short of memory ends.
// False: the parent, which should have been `agent`, has ended already.
bool go_with(int agent);

// Until its time is over, or for good. The exit status of the process.
int burn(const Burn& what);

}  // namespace galileo::chaos
