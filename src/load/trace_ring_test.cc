#include "load/trace_ring.h"

#include <doctest/doctest.h>

namespace galileo::load {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// The wait after many drains at so many traces a second.
Duration settled_wait(double traces_per_s) {
  DrainPace pace;
  for (int i = 0; i < 10; ++i) {
    const double seconds = std::chrono::duration<double>(pace.wait()).count();
    pace.took(static_cast<std::size_t>(traces_per_s * seconds));
  }
  return pace.wait();
}

TEST_CASE("a desk rests 50 ms where little comes, and takes few at a time where much does") {
  CHECK(settled_wait(0) == milliseconds{50});
  CHECK(settled_wait(1000) == milliseconds{50});
  CHECK(settled_wait(50'000) > microseconds{2400});
  CHECK(settled_wait(50'000) < microseconds{2700});
  CHECK(settled_wait(5'000'000) == milliseconds{1});
}

TEST_CASE("a desk rests long again once the load is gone") {
  DrainPace pace;
  pace.took(100'000);
  CHECK(pace.wait() == milliseconds{1});
  pace.took(0);
  CHECK(pace.wait() == milliseconds{50});
}

}  // namespace
}  // namespace galileo::load
