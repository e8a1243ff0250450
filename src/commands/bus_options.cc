#include "commands/bus_options.h"

#include <CLI/CLI.hpp>

#include "bus/bus_options.h"
#include "commands/options.h"

namespace galileo::commands {

void add_bus_option(CLI::App& app, std::string& url) {
  app.add_option("--bus", url,
                 "redis://[user:password@]host:port/db, rediss://..., unix:///path "
                 "[galileo_redis_url, or _host and _port]");
}

Result<bus::BusOptions> bus_options(const std::string& url) {
  return bus::bus_options_from([&](std::string_view name) {
    return name == "galileo_redis_url" && !url.empty() ? std::optional(url) : environment(name);
  });
}

}  // namespace galileo::commands
