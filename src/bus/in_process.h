// A bus for one process: what Redis would keep is kept here, at a desk of its own. For laptops and
// tests. Nothing is bounded but by memory; what it does costs a hop to the desk and back, some ten
// microseconds.
#pragma once

#include <memory>

#include "bus/bus.h"

namespace galileo::bus {

// Each is one of its own; whoever shall talk over it is handed it.
std::unique_ptr<Bus> make_in_process();

}  // namespace galileo::bus
