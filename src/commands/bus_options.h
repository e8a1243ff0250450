// The option that says where the bus is, for the commands that need one.
#pragma once

#include <string>

#include "base/result.h"
#include "bus/bus.h"

namespace CLI {
class App;
}

namespace galileo::commands {

// --bus URL; `url` stays empty where it isn't given.
void add_bus_option(CLI::App& app, std::string& url);

// The bus that is meant: the environment's galileo_redis_* variables, the URL over theirs.
Result<bus::BusOptions> bus_options(const std::string& url);

}  // namespace galileo::commands
