#include "net/resolver.h"

#include <fmt/format.h>
#include <netdb.h>

#include <cstring>
#include <memory>

#include "wire/uri.h"

namespace galileo::net {

Result<Address> resolve_listen(const std::string& text, const std::string& host_default,
                               std::uint16_t port_default) {
  const std::string port = text.substr(text.starts_with(':') ? 1 : 0);
  const bool is_port = !port.empty() && port.find_first_not_of("0123456789") == std::string::npos;
  return TRY(resolve(is_port ? host_default + ":" + port : text, 0, port_default)).front();
}

Result<std::vector<Address>> resolve(const std::string& host_port, int family,
                                     std::uint16_t port_default) {
  const HostPort where =
      TRY(wire::speaks_tls(host_port) ? parse_route_host(host_port)
                                      : parse_host_port(host_port, port_default));
  const int wanted = family == 4 ? AF_INET : family == 6 ? AF_INET6 : AF_UNSPEC;
  std::vector<Address> addresses;
  if (const auto literal = literal_address(where.host, where.port); literal.ok()) {
    if (wanted == AF_UNSPEC || literal->family() == wanted) addresses.push_back(*literal);
    if (addresses.empty())
      return Error{ErrorCode::kUsage,
                   fmt::format("'{}' is no IPv{} address", where.host, family),
                   {},
                   {},
                   "give another host, or leave the address family open"};
    return addresses;
  }
  addrinfo hints{};
  hints.ai_family = wanted;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = wanted == AF_UNSPEC ? AI_ADDRCONFIG : 0;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(where.host.c_str(), nullptr, &hints, &found);
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, &freeaddrinfo);
  for (const addrinfo* entry = found; error == 0 && entry; entry = entry->ai_next) {
    Address address;
    std::memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
    address.size = entry->ai_addrlen;
    const std::uint16_t port = htons(where.port);
    if (entry->ai_family == AF_INET)
      reinterpret_cast<sockaddr_in*>(&address.storage)->sin_port = port;
    else
      reinterpret_cast<sockaddr_in6*>(&address.storage)->sin6_port = port;
    addresses.push_back(address);
  }
  if (!addresses.empty()) return addresses;
  return Error{ErrorCode::kUnavailable,
               fmt::format("host '{}' doesn't resolve", where.host),
               {},
               error ? gai_strerror(error) : "it has no address of that family",
               "check the name (getent hosts NAME) or give an address"};
}

}  // namespace galileo::net
