// Programs that the agent runs: by their words, without a shell. For a desk, which waits.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace galileo::chaos {

// To its end, at most so long; what it has printed. An Error (kIo) where it can't be started, ends
// with a status other than 0 (with what it said on stderr), or isn't over in time: it is killed.
Result<std::string> run_program(const std::vector<std::string>& words, Duration within);

// When a process was started, in the kernel's ticks: with its number it is that process and no
// other. 0: there is none.
std::uint64_t start_of(const std::string& proc, pid_t pid);

// What the processes of a group have used and hold now.
struct GroupUse {
  Duration cpu{0};
  double memory = 0;  // bytes
  std::size_t processes = 0;
};
GroupUse use_of_group(const std::string& proc, pid_t group);

// Asks the group to end, and makes it after a moment; its leader is waited for.
void end_group(pid_t group);

}  // namespace galileo::chaos
