// Desks: ticks, tasks between them, and an orderly end.
#include "net/desk.h"

#include <doctest/doctest.h>

#include <vector>

using namespace galileo;
using namespace galileo::net;

TEST_CASE("a desk ticks until it is told to stop, and not behind its last task") {
  int ticks = 0;
  int at_last = -1;
  Desk desk;
  desk.start("test", [&](Time now) {
    ++ticks;
    return now;
  });
  int between = -1;
  while (between < 3) desk.call([&] { between = ticks; });
  desk.stop([&] { at_last = ticks; });
  CHECK(at_last >= 3);
  CHECK(ticks == at_last);
  CHECK_FALSE(desk.is_running());
  desk.stop([&] { at_last = -1; });  // it is over: nothing runs
  CHECK(at_last == ticks);
}

TEST_CASE("a tick that is due never comes when the desk says so") {
  std::vector<int> order;
  Desk desk;
  desk.start(
      "test",
      [&](Time) {
        order.push_back(2);
        return kNever;
      },
      kNever);
  desk.call([&] { order.push_back(1); });
  desk.call([&] { desk.set_next(desk.clock().now()); });
  std::size_t seen = 0;
  while (seen < 2) desk.call([&] { seen = order.size(); });
  desk.stop();
  CHECK(order == std::vector<int>{1, 2});
}

TEST_CASE("a desk can be started again") {
  Desk desk;
  for (int round = 0; round < 2; ++round) {
    int ticks = 0;
    desk.start("test", [&](Time) {
      ++ticks;
      return kNever;
    });
    int seen = 0;
    while (seen == 0) desk.call([&] { seen = ticks; });
    desk.stop();
    CHECK(ticks == 1);
  }
}
