// A socket address as a value, with its text: of TCP, or the path of a Unix socket. No name is
// looked up here (net/resolver does).
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "base/result.h"

namespace galileo::net {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;

  int family() const { return storage.ss_family; }
  std::uint16_t port() const;   // 0: a Unix socket has none
  std::string to_text() const;  // "127.0.0.1:80", "[::1]:80", "/run/redis.sock"
  const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// "host" and "port" of "host:port", "[v6]:port" or "host" (then `port_default`; 0: none, an error).
struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};
Result<HostPort> parse_host_port(std::string_view text, std::uint16_t port_default);
// The same of a host as routes name it, "https://host:port" among them: its port is 80 or 443 where
// none is said.
Result<HostPort> parse_route_host(std::string_view text);

// Reads a literal address; an Error where `host` is a name.
Result<Address> literal_address(const std::string& host, std::uint16_t port);

// The address of the Unix socket at `path`; an Error for a path longer than the system's 107.
Result<Address> unix_address(const std::string& path);

}  // namespace galileo::net
