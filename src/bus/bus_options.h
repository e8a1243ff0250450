// Where a bus is: from the environment's variables to options, from options to a place that can be
// connected to. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "bus/bus.h"

namespace galileo::bus {

// The value of a variable of the environment; nothing where it isn't set.
using GetVariable = std::function<std::optional<std::string>(std::string_view name)>;

// From galileo_redis_url, or galileo_redis_host and _port (localhost, 6379) without one;
// galileo_redis_user, _password and _db over what the URL says. An empty value is one not set. An
// Error of kUsage names the variable.
Result<BusOptions> bus_options_from(const GetVariable& get);

// What TLS needs, from galileo_redis_ca_file, _certificate_file and _key_file; bus_options_from()
// does it too.
void take_tls_files(BusOptions& options, const GetVariable& get);

// What the URL and the rest of the options say together.
struct BusPlace {
  enum class Kind : std::uint8_t { kInProcess, kTcp, kUnix };
  Kind kind = Kind::kTcp;
  bool tls = false;
  std::string host;  // IPv6 without its brackets
  std::uint16_t port = 6379;
  std::string path;  // of kUnix
  std::string user;
  std::string password;
  int database = 0;
  std::string shown;  // "redis://host:6379/0": for messages, without user and password
};
Result<BusPlace> place_of(const BusOptions& options);

// The variables that say so, all that bus_options_from() reads of a place. Of plain TCP host and
// port are said apart, since programs of the old system know no URL.
std::vector<std::pair<std::string, std::string>> variables_of(const BusPlace& place);

}  // namespace galileo::bus
