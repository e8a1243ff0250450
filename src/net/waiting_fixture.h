// For tests of what goes on in threads of its own.
#pragma once

#include <chrono>

#include "net/clock.h"
#include "net/loop.h"

namespace galileo::net {

// Waits until `condition` holds, for some seconds at most; whether it does.
template <class F>
bool eventually(F&& condition) {
  const RealClock clock;
  const Time end = clock.now() + std::chrono::seconds{20};
  while (!condition()) {
    if (clock.now() > end) return false;
    pause_thread(std::chrono::milliseconds{1});
  }
  return true;
}

}  // namespace galileo::net
