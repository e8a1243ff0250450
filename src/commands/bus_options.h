// Which bus the commands of a fleet speak over: --bus, or the environment's galileo_redis_url,
// galileo_redis_host and _port, and their password; without any of them redis://localhost:6379.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "bus/bus.h"
#include "net/loop.h"

namespace CLI {
class App;
}

namespace galileo::commands {

// Binds --bus to `url`, which stays empty where it isn't given.
void add_bus_option(CLI::App& app, std::string& url);

// Where the bus is. What the flag's URL says goes over the environment, which gives the user,
// password and database that the URL doesn't; galileo_redis_password may come from a file
// (galileo_redis_password_FILE). kUsage: a wrong URL or variable.
Result<bus::BusOptions> bus_options(const std::string& url);

// The same, of a bus that others are on: one of this process alone (in-process:) is kUsage.
Result<bus::BusOptions> shared_bus_options(const std::string& url);

// Where the bus of an old system's daemon is, whose variables begin with `prefix` (its password has
// one too): the flag, over those, over the galileo_redis_* of all commands. One place isn't put
// together of two.
Result<bus::BusOptions> bus_options_of(std::string_view prefix, const std::string& url);

// Connects to a shared one; kUnavailable where nobody is there, kUsage for a wrong password.
Result<std::unique_ptr<bus::Bus>> connect_bus(const std::string& url);

// The same of a daemon that was started before its bus is there: tries until it is. `control` runs
// meanwhile; null: a signal came first. Errors: what no waiting mends, as a wrong password.
Result<std::unique_ptr<bus::Bus>> connect_bus_in_time(net::Loop& control, const int& signals_seen,
                                                      const bus::BusOptions& options);

}  // namespace galileo::commands
