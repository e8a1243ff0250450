// A bus that only who holds something may write to: each change and each message goes out where a
// key still holds its text, which the server looks at in the same step. So who has lost it without
// knowing, since it was stopped for a while, changes nothing and commands nobody. Reading is free.
#pragma once

#include <memory>

#include "bus/bus.h"

namespace galileo::bus {

// `bus` outlives it, and is asked as itself for all else. What it refuses is an Error of
// kInterrupted, whose `why` is `lost`: "the lease of the fleet is another's".
std::unique_ptr<Bus> make_fenced(Bus& bus, Holds fence, std::string lost);

}  // namespace galileo::bus
