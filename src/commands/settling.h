// How a daemon runs: its loop, until it is stopped, and what its beginning took of memory and needs
// no more given back to the system once it has settled.
#pragma once

#include <functional>

#include "net/loop.h"

namespace galileo::commands {

// Blocking. `has_settled` is asked three seconds after the beginning, and again until it says so.
void run_until_stopped(net::Loop& control, const std::function<bool()>& has_settled);

}  // namespace galileo::commands
