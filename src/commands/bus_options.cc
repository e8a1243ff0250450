#include "commands/bus_options.h"

#include <CLI/CLI.hpp>

#include "bus/bus_options.h"
#include "commands/options.h"

namespace galileo::commands {

void add_bus_option(CLI::App& app, std::string& url) {
  app.add_option("--bus", url,
                 "redis://[user:password@]host:port, rediss://, unix:///path "
                 "[galileo_redis_url, _host, _port, _password]");
}

bool bus_is_named(const std::string& url) {
  return !url.empty() || environment("galileo_redis_url") || environment("galileo_redis_host");
}

Result<std::unique_ptr<bus::Bus>> connect_bus(const std::string& url) {
  bus::BusOptions options = TRY(bus::bus_options_from(environment));
  if (!url.empty()) options.url = url;
  return bus::connect(options);
}

}  // namespace galileo::commands
