// Host names to addresses, through the system's resolver. Blocking: called before a run, and from a
// desk while one goes on. Stateless; any thread.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "net/address.h"

namespace galileo::net {

// Where to listen: "host:port", or only a port ("8080", ":8080"), which is one of `host_default`.
Result<Address> resolve_listen(const std::string& text, const std::string& host_default,
                               std::uint16_t port_default = 80);

// The addresses of "host:port", or "https://host:port", in the order to try them. `family`: 4, 6,
// or 0 for either. At least one, or an Error (kUnavailable) that names the host.
Result<std::vector<Address>> resolve(const std::string& host_port, int family,
                                     std::uint16_t port_default = 80);

}  // namespace galileo::net
