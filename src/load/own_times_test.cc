// What of a request's time is the generator's own doing.
#include "load/own_times.h"

#include <doctest/doctest.h>

using namespace galileo;
using namespace galileo::load;
using std::chrono::microseconds;
using std::chrono::milliseconds;

TEST_CASE("lateness and waits are taken off, each once, and never more than there is") {
  OwnTimes times;
  times.add(milliseconds{10}, milliseconds{2}, milliseconds{1}, milliseconds{4});
  CHECK(times.latency.max() == milliseconds{10});
  CHECK(times.without_own.max() == milliseconds{7});
  CHECK(times.without_wait.max() == milliseconds{3});
  CHECK(times.waited == 1);
  OwnTimes clipped;
  clipped.add(milliseconds{1}, milliseconds{5}, milliseconds{5}, milliseconds{5});
  CHECK(clipped.without_own.max() == Duration{0});
  CHECK(clipped.sent_late == milliseconds{1});
  CHECK(clipped.read_late == Duration{0});
  // Timers are never early; a clock that was set makes no negative lateness.
  OwnTimes early;
  early.add(milliseconds{1}, -milliseconds{5}, Duration{0}, microseconds{3});
  CHECK(early.without_wait.max() == milliseconds{1});
  CHECK(early.waited == 0);
  clipped.add(early);
  CHECK(clipped.latency.count() == 2);
}
