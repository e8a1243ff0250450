#include "net/loop.h"

#include <doctest/doctest.h>

using namespace galileo;
using namespace galileo::net;

TEST_CASE("a task for all threads runs once on each, and is over when the call returns") {
  LoopThread one("one");
  LoopThread two("two");
  LoopThread three("three");
  std::vector<int> done(3, 0);
  std::vector<std::thread::id> where(3);
  for (int round = 1; round <= 20; ++round) {
    call_all({&one, &two, &three}, [&](std::size_t i) {
      ++done[i];
      where[i] = std::this_thread::get_id();
    });
    CHECK(done == std::vector<int>(3, round));
  }
  CHECK(where[0] != where[1]);
  CHECK(where[1] != where[2]);
  call_all({}, [](std::size_t) { CHECK(false); });
}

TEST_CASE("a timer that is due runs between two tasks of a thousand that wait") {
  Loop loop;
  int tasks = 0;
  int tasks_before_the_timer = -1;
  Timer timer([&](Time) { tasks_before_the_timer = tasks; });
  loop.timers().set(timer, loop.clock().now());
  for (int i = 0; i < 1000; ++i) loop.post([&] { ++tasks; });
  loop.run_pending();
  CHECK(tasks == 1000);
  CHECK(tasks_before_the_timer >= 0);
  loop.timers().set(timer, loop.clock().now() + std::chrono::milliseconds{5});
  tasks = 0;
  for (int i = 0; i < 1000; ++i)
    loop.post([&] {
      ++tasks;
      if (tasks == 500) pause_thread(std::chrono::milliseconds{10});
    });
  loop.run_pending();
  CHECK(tasks_before_the_timer <= 500);
  CHECK(tasks == 1000);
}
