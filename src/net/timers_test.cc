#include "net/timers.h"

#include <doctest/doctest.h>

#include <memory>
#include <vector>

#include "base/random.h"

using namespace galileo;
using namespace galileo::net;

namespace {
Time at(int ns) {
  return Time{Duration{ns}};
}
}  // namespace

TEST_CASE("timers fire in the order of their times, each once") {
  Timers timers;
  std::vector<int> fired;
  Timer c([&](Time) { fired.push_back(3); });
  Timer a([&](Time) { fired.push_back(1); });
  Timer b([&](Time) { fired.push_back(2); });
  timers.set(c, at(30));
  timers.set(a, at(10));
  timers.set(b, at(20));
  CHECK(timers.next_due() == at(10));
  CHECK_FALSE(timers.run_due(at(9)));
  CHECK(timers.run_due(at(20)));
  CHECK(fired == std::vector{1, 2});
  timers.run_due(at(100));
  CHECK(fired == std::vector{1, 2, 3});
  CHECK(timers.next_due() == kNever);
}

TEST_CASE("a timer may be moved, cancelled, set again from its own call, and destroyed") {
  Timers timers;
  int count = 0;
  Timer again([&](Time now) {
    if (++count < 3) timers.set(again, now + Duration{10});
  });
  timers.set(again, at(50));
  timers.set(again, at(5));
  {
    Timer gone([&](Time) { count = 100; });
    timers.set(gone, at(1));
  }
  Timer cancelled([&](Time) { count = 100; });
  timers.set(cancelled, at(2));
  timers.cancel(cancelled);
  for (int now = 0; now < 100; now += 5) timers.run_due(at(now));
  CHECK(count == 3);
}

TEST_CASE("any mix of setting and cancelling keeps the order") {
  Timers timers;
  Random random(7);
  std::vector<std::unique_ptr<Timer>> all;
  Time last{};
  for (int i = 0; i < 500; ++i) {
    all.push_back(std::make_unique<Timer>([&, i](Time) {
      CHECK(all[static_cast<std::size_t>(i)]->due() >= last);
      last = all[static_cast<std::size_t>(i)]->due();
    }));
  }
  for (int round = 0; round < 5000; ++round) {
    Timer& timer = *all[random.below(all.size())];
    if (random.below(4) == 0)
      timers.cancel(timer);
    else
      timers.set(timer, at(static_cast<int>(random.below(100'000))));
  }
  while (timers.run_due(at(100'000))) {
  }
  CHECK(timers.size() == 0);
}
