#include "net/outlet.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

namespace galileo::net {
namespace {

// Takes so many bytes until it is told to take more.
struct SlowStream final : Stream {
  Transfer read(char*, std::size_t) override { return {0, Transfer::Status::kWouldBlock, 0}; }
  Transfer write(std::string_view bytes) override {
    if (broken) return {0, Transfer::Status::kFailed, 0};
    const std::size_t size = std::min(bytes.size(), room);
    if (size == 0) return {0, Transfer::Status::kWouldBlock, 0};
    room -= size;
    taken.append(bytes.substr(0, size));
    return {size, Transfer::Status::kDone, 0};
  }
  int connect_error() override { return 0; }
  void abort() override {}

  std::size_t room = 0;
  bool broken = false;
  std::string taken;
};

TEST_CASE("an outlet that never empties keeps no more than what isn't out") {
  SlowStream stream;
  Outlet outlet;
  outlet.set_stream(&stream);
  std::string sent;
  outlet.held().append("head");
  sent.append("head");
  for (int i = 0; i < 1000; ++i) {
    const std::string piece(10'000, static_cast<char>('a' + i % 26));
    outlet.held().append(piece);
    sent.append(piece);
    stream.room = outlet.size() - 1;  // always one byte short
    CHECK(outlet.flush());
    CHECK(outlet.size() == 1);
    CHECK(outlet.in_memory() < 100'000);
  }
  stream.room = 1;
  CHECK(outlet.flush());
  CHECK(outlet.size() == 0);
  CHECK(stream.taken == sent);
  CHECK(outlet.held().capacity() <= 4096);
}

TEST_CASE("what an outlet hasn't written can be taken away, and leaves it empty") {
  SlowStream stream;
  Outlet outlet;
  outlet.set_stream(&stream);
  stream.room = 3;
  CHECK(outlet.send("abcdef"));
  outlet.held().append("gh");
  stream.room = 1;
  CHECK(outlet.flush());
  CHECK(outlet.take() == "efgh");
  CHECK(outlet.size() == 0);
  stream.room = 10;
  CHECK(outlet.send("i"));
  CHECK(stream.taken == "abcdi");
}

TEST_CASE("an outlet whose stream failed under a body says so when it is flushed") {
  SlowStream stream;
  Outlet outlet;
  outlet.set_stream(&stream);
  stream.broken = true;
  outlet.pass(std::string(10'000, 'x'));
  stream.broken = false;
  CHECK_FALSE(outlet.flush());
  CHECK_FALSE(outlet.flush());
}

}  // namespace
}  // namespace galileo::net
