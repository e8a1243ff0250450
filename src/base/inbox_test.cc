#include "base/inbox.h"

#include <doctest/doctest.h>

#include <string>
#include <thread>

using namespace galileo;

TEST_CASE("messages of any size come out as they went in, over many turns of the ring") {
  MessageRing ring(1024);
  std::string sent;
  std::string received;
  for (int i = 0; i < 2000; ++i) {
    const std::string message(static_cast<std::size_t>(i * 7 % 130),
                              static_cast<char>('a' + i % 26));
    CHECK(ring.push(message, ";"));
    sent += message + ";";
    if (i % 3 == 0) ring.drain([&](std::string_view bytes) { received += bytes; });
  }
  ring.drain([&](std::string_view bytes) { received += bytes; });
  CHECK(received == sent);
}

TEST_CASE("a full ring refuses and keeps what it has") {
  MessageRing ring(256);
  int pushed = 0;
  while (ring.push("0123456789abcdef")) ++pushed;
  CHECK(pushed == 10);
  int seen = 0;
  ring.drain([&](std::string_view bytes) { seen += bytes == "0123456789abcdef"; });
  CHECK(seen == pushed);
  CHECK(ring.push("more"));
  CHECK_FALSE(ring.push(std::string(300, 'x')));
}

TEST_CASE("one thread pushes while another drains, and nothing is lost or torn") {
  MessageRing ring(4096);
  constexpr std::uint64_t kCount = 200'000;
  std::thread producer([&] {
    for (std::uint64_t i = 0; i < kCount;) {
      const std::string_view bytes(reinterpret_cast<const char*>(&i), sizeof i);
      if (ring.push(bytes, bytes.substr(0, i % 8))) ++i;
    }
  });
  std::uint64_t next = 0;
  bool in_order = true;
  while (next < kCount) {
    ring.drain([&](std::string_view bytes) {
      std::uint64_t value = 0;
      std::memcpy(&value, bytes.data(), sizeof value);
      in_order = in_order && value == next && bytes.size() == 8 + next % 8;
      ++next;
    });
  }
  producer.join();
  CHECK(in_order);
}
