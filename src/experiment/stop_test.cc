// A run is told to stop, whenever and from wherever.
#include "experiment/stop.h"

#include <doctest/doctest.h>

#include <thread>

using namespace galileo::experiment;

TEST_CASE("what was asked before the run listens counts, and then each time is told") {
  Stop stop;
  std::thread([&] { stop.ask(); }).join();
  CHECK(stop.times() == 0);  // the run hears of it on its own thread
  stop.loop().run_pending();
  CHECK(stop.times() == 1);
  unsigned told = 0;
  stop.on_asked([&] { told = stop.times(); });
  stop.ask();
  stop.loop().run_pending();
  CHECK(told == 2);
  stop.on_asked({});  // the run is over: nobody hears, nothing breaks
  stop.ask();
  stop.loop().run_pending();
  CHECK(told == 2);
}

TEST_CASE("to end now is to be asked twice at once") {
  Stop stop;
  stop.ask_now();
  stop.loop().run_pending();
  CHECK(stop.times() == 2);
}
