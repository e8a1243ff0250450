// Where the bus is, for all commands that speak to one: the flag, over the environment's
// galileo_redis_* variables, over localhost.
#pragma once

#include <memory>
#include <string>

#include "bus/bus.h"

namespace CLI {
class App;
}

namespace galileo::commands {

// Adds --bus URL; `url` outlives the app.
void add_bus_option(CLI::App& app, std::string& url);

// Whether the flag or the environment names a bus.
bool bus_is_named(const std::string& url);

// Connects; `url` is the flag's, empty: as the environment says.
Result<std::unique_ptr<bus::Bus>> connect_bus(const std::string& url);

}  // namespace galileo::commands
