#include "net/address.h"

#include <doctest/doctest.h>

using namespace galileo;
using namespace galileo::net;

TEST_CASE("addresses say themselves as they are written, of each family") {
  CHECK(literal_address("127.0.0.1", 80)->to_text() == "127.0.0.1:80");
  CHECK(literal_address("::1", 6379)->to_text() == "[::1]:6379");
  const auto socket = unix_address("/run/redis.sock");
  REQUIRE(socket.ok());
  CHECK(socket->to_text() == "/run/redis.sock");
  CHECK(socket->family() == AF_UNIX);
  CHECK(socket->port() == 0);
}

TEST_CASE("an IPv6 address may have a zone, by name or by number") {
  CHECK(literal_address("fe80::1%lo", 80)->to_text() == "[fe80::1]:80");
  CHECK(reinterpret_cast<const sockaddr_in6*>(literal_address("fe80::1%7", 80)->raw())
            ->sin6_scope_id == 7);
  CHECK_FALSE(literal_address("fe80::1%no-such-interface", 80).ok());
  CHECK_FALSE(literal_address("fe80::1%", 80).ok());
  CHECK_FALSE(literal_address("127.0.0.1%lo", 80).ok());
}

TEST_CASE("a host that couldn't stand in a URL isn't an address, wherever it is given") {
  for (const char* bad : {"a b:80", "h\r\nX-Evil: 1", "h\nx:80", "h?x:80", "h#x:80", "h\\x:80",
                          "h/x:80", "u@h:80", "h%41:80", "[::1%a b]:80", "[h]:80",
                          "b\xc3\xbc"
                          "cher:80",
                          ":80"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_host_port(bad, 80).ok());
  }
  CHECK(parse_host_port("[fe80::1%eth0]:81", 80)->host == "fe80::1%eth0");
  CHECK(parse_host_port("my_host-1.local.", 80)->host == "my_host-1.local.");
}

TEST_CASE("a host of a route may be one of https, with a usual port of its own") {
  const auto text = [](const char* host) {
    const auto where = parse_route_host(host);
    return where.ok() ? where->host + " " + std::to_string(where->port) : where.error().to_text();
  };
  CHECK(text("h") == "h 80");
  CHECK(text("https://h") == "h 443");
  CHECK(text("https://h:8443") == "h 8443");
  CHECK(text("https://[::1]:8443") == "::1 8443");
  CHECK(text("https://h/x").starts_with("'https://h/x' isn't a host: "));
  CHECK(text("https://h/x").ends_with("write it as https://host:port, without a path"));
  CHECK_FALSE(parse_route_host("http://h").ok());
  CHECK_FALSE(parse_route_host("https://").ok());
}

TEST_CASE("a number isn't a host, and may be meant as a port") {
  for (const char* bad : {"8080", "8080:80", "1.2", "1.2:80", "0x7f.1:80", "256.0.0.1:80"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_host_port(bad, 80).ok());
  }
  CHECK(parse_host_port("8080", 80).error().hint == "did you mean 127.0.0.1:8080?");
  CHECK(parse_host_port("99999", 80).error().hint.starts_with("write it as host:port"));
  CHECK(parse_host_port("h:65536", 80).error().why == "its port isn't from 1 to 65535");
  CHECK(parse_host_port("h", 0).error().why == "it has no port");
}

TEST_CASE("a path that the system has no room for is refused") {
  CHECK(unix_address("/" + std::string(106, 'x')).ok());
  for (const std::string& path : {std::string(), "/" + std::string(107, 'x')})
    CHECK(unix_address(path).error().code == ErrorCode::kUsage);
}
