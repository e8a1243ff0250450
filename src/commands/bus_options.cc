#include "commands/bus_options.h"

#include <CLI/CLI.hpp>

#include "base/log.h"
#include "bus/bus_options.h"
#include "commands/options.h"

namespace galileo::commands {
namespace {

constexpr Duration kRetryEvery = std::chrono::milliseconds{500};

}  // namespace

void add_bus_option(CLI::App& app, std::string& url) {
  app.add_option("--bus", url,
                 "redis://[user[:password]@]host[:port][/database], rediss:// over TLS, or "
                 "unix:///path [galileo_redis_url, or galileo_redis_host and _port; "
                 "galileo_redis_password; redis://localhost:6379]; TLS: galileo_redis_ca_file, "
                 "_certificate_file, _key_file, or the system's authorities");
}

Result<bus::BusOptions> bus_options(const std::string& url) {
  if (url.empty()) return bus::bus_options_from(&environment);
  bus::BusOptions options;
  options.url = url;
  const bus::BusPlace place = TRY(bus::place_of(options));
  if (place.user.empty()) options.user = environment("galileo_redis_user").value_or("");
  if (place.password.empty()) options.password = environment("galileo_redis_password").value_or("");
  bus::take_tls_files(options, &environment);
  return options;
}

Result<bus::BusOptions> shared_bus_options(const std::string& url) {
  bus::BusOptions options = TRY(bus_options(url));
  if (TRY(bus::place_of(options)).kind == bus::BusPlace::Kind::kInProcess)
    return Error{ErrorCode::kUsage,
                 "can't command a fleet over in-process:",
                 {},
                 "nobody else is on a bus of this process alone",
                 "name a Redis server with --bus"};
  return options;
}

Result<bus::BusOptions> bus_options_of(std::string_view prefix, const std::string& url) {
  constexpr std::string_view kOurs = "galileo_redis_";
  const auto own = [&](std::string_view name) -> std::optional<std::string> {
    if (!name.starts_with(kOurs)) return std::nullopt;
    auto value = environment(std::string(prefix) + std::string(name.substr(kOurs.size())));
    return value && !value->empty() ? value : std::nullopt;
  };
  bus::BusOptions options;
  if (!url.empty()) {
    options = TRY(bus_options(url));
    if (TRY(bus::place_of(options)).password.empty())
      options.password = own("galileo_redis_password").value_or("");
  } else {
    const bool has_place = own("galileo_redis_url") || own("galileo_redis_host");
    auto said = bus::bus_options_from([&](std::string_view name) -> std::optional<std::string> {
      if (auto value = own(name)) return value;
      const bool is_place = name.ends_with("_url") || name.ends_with("_host") ||
                            name.ends_with("_port") || name.ends_with("_db");
      return has_place && is_place ? std::nullopt : environment(name);
    });
    if (!said.ok()) {
      Error error = std::move(said).error();
      if (own(error.where)) error.where = std::string(prefix) + error.where.substr(kOurs.size());
      return error;
    }
    options = std::move(*said);
  }
  TRY(bus::place_of(options));
  return options;
}

Result<std::unique_ptr<bus::Bus>> connect_bus(const std::string& url) {
  return bus::connect(TRY(shared_bus_options(url)));
}

Result<std::unique_ptr<bus::Bus>> connect_bus_in_time(net::Loop& control, const int& signals_seen,
                                                      const bus::BusOptions& options) {
  bool told = false;
  while (signals_seen == 0) {
    auto bus = bus::connect(options);
    if (bus.ok() || bus.error().code != ErrorCode::kUnavailable) return bus;
    if (!told)
      log(LogLevel::kWarning, "no bus yet; it is tried again and again",
          {{"why", bus.error().to_text()}});
    told = true;
    net::Timer timer([&](Time) { control.stop(); });
    control.timers().set(timer, control.clock().now() + options.retry_every.value_or(kRetryEvery));
    control.run();
  }
  return std::unique_ptr<bus::Bus>();
}

}  // namespace galileo::commands
