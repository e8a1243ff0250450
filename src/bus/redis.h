// A bus over a Redis server (2.6 and newer): one desk with a connection for commands, one or more
// for subscriptions, and one for each call that waits for a queue. See redis_connection.h for how
// each comes back, redis_commands.h and redis_subscriber.h for what they carry.
#pragma once

#include <memory>

#include "bus/bus.h"
#include "bus/bus_options.h"

namespace galileo::bus {

// Connects to the place of `options`, as connect() does.
Result<std::unique_ptr<Bus>> connect_redis(const BusPlace& place, const BusOptions& options);

}  // namespace galileo::bus
