// The processes below one of ours, as /proc tells: how much memory they hold, how many they are.
// For processes that may have forked, or want to get away. Blocking, but short; any thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace galileo::apps {

struct ProcessUse {
  pid_t pid = 0;
  std::uint64_t resident_bytes = 0;  // of it and all below it
  std::uint32_t processes = 0;       // likewise, itself among them
};

// Each child of `pid`, with what is below it. What ends meanwhile is left out.
std::vector<ProcessUse> children_of(pid_t pid);

// Ends `pid`, which leads a session and is not waited for yet, and all of its session with it.
void kill_session(pid_t pid);

}  // namespace galileo::apps
