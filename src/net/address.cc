#include "net/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <net/if.h>
#include <sys/un.h>

#include <cstring>

#include "base/text.h"
#include "wire/uri.h"

namespace galileo::net {
namespace {

// The number of an IPv6 zone, by an interface's name or as it is; 0: there is none.
unsigned scope_of(const std::string& zone) {
  if (const unsigned index = if_nametoindex(zone.c_str())) return index;
  const auto number = parse_integer(zone);
  return number && *number > 0 && *number <= UINT32_MAX ? static_cast<unsigned>(*number) : 0;
}

}  // namespace

std::uint16_t Address::port() const {
  if (family() == AF_UNIX) return 0;
  if (family() == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
  return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port);
}

std::string Address::to_text() const {
  if (family() == AF_UNIX) return reinterpret_cast<const sockaddr_un*>(&storage)->sun_path;
  char text[INET6_ADDRSTRLEN] = {};
  if (family() == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr, text,
              sizeof text);
    return fmt::format("{}:{}", text, port());
  }
  inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr, text,
            sizeof text);
  return fmt::format("[{}]:{}", text, port());
}

Result<HostPort> parse_host_port(std::string_view text, std::uint16_t port_default) {
  Error error{ErrorCode::kUsage,
              fmt::format("'{}' isn't an address", text),
              {},
              {},
              "write it as host:port, 127.0.0.1:8080 or [::1]:8080"};
  std::string_view host = text;
  std::string_view port;
  bool has_port = false;
  if (!text.empty() && text.front() == '[') {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return error;
    host = text.substr(1, end - 1);
    if (host.find(':') == std::string_view::npos) return error;  // a name has none
    const std::string_view rest = text.substr(end + 1);
    if (!rest.empty() && rest.front() != ':') return error;
    has_port = !rest.empty();
    port = has_port ? rest.substr(1) : rest;
  } else if (const std::size_t colon = text.rfind(':'); colon != std::string_view::npos) {
    if (text.find(':') != colon) return error;  // an IPv6 address without brackets
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    has_port = true;
  }
  if (std::string why = wire::unfit_host(host); !why.empty()) {
    error.why = std::move(why);
    if (const auto number = parse_integer(host); number && !has_port && *number <= 65535)
      error.hint = fmt::format("did you mean 127.0.0.1:{}?", host);
    return error;
  }
  if (!has_port && port_default == 0) {
    error.why = "it has no port";
    return error;
  }
  HostPort result{std::string(host), port_default};
  if (has_port) {
    const auto number = parse_integer(port);
    if (!number || *number < 1 || *number > 65535) {
      error.why = "its port isn't from 1 to 65535";
      return error;
    }
    result.port = static_cast<std::uint16_t>(*number);
  }
  return result;
}

Result<HostPort> parse_route_host(std::string_view text) {
  if (!wire::speaks_tls(text)) return parse_host_port(text, 80);
  auto where = parse_host_port(text.substr(wire::kTlsPrefix.size()), 443);
  if (where.ok()) return where;
  Error error = where.error();
  error.what = fmt::format("'{}' isn't a host", text);
  error.hint = "write it as https://host:port, without a path";
  return error;
}

Result<Address> literal_address(const std::string& host, std::uint16_t port) {
  Address address;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    address.size = sizeof(sockaddr_in);
    return address;
  }
  const std::size_t zone = host.find('%');
  const unsigned scope = zone == std::string::npos ? 0 : scope_of(host.substr(zone + 1));
  const bool scoped = zone == std::string::npos || scope > 0;
  if (scoped && inet_pton(AF_INET6, host.substr(0, zone).c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_scope_id = scope;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    address.size = sizeof(sockaddr_in6);
    return address;
  }
  return Error{
      ErrorCode::kNotFound, fmt::format("'{}' is a name, not an address", host), {}, {}, {}};
}

Result<Address> unix_address(const std::string& path) {
  Address address;
  auto* place = reinterpret_cast<sockaddr_un*>(&address.storage);
  if (path.empty() || path.size() >= sizeof place->sun_path)
    return Error{ErrorCode::kUsage,
                 fmt::format("'{}' can't be the path of a Unix socket", path),
                 {},
                 fmt::format("the system takes 1 to {} letters", sizeof place->sun_path - 1),
                 "give a shorter path"};
  place->sun_family = AF_UNIX;
  std::memcpy(place->sun_path, path.data(), path.size());
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return address;
}

}  // namespace galileo::net
