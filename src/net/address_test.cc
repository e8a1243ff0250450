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

TEST_CASE("a path that the system has no room for is refused") {
  CHECK(unix_address("/" + std::string(106, 'x')).ok());
  for (const std::string& path : {std::string(), "/" + std::string(107, 'x')})
    CHECK(unix_address(path).error().code == ErrorCode::kUsage);
}
