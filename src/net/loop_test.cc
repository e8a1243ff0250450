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
