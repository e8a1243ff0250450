// The live view's rates are of what was done, however long answers take.
#include "experiment/live_rates.h"

#include <doctest/doctest.h>

using namespace galileo;
using namespace galileo::experiment;
using std::chrono::milliseconds;

TEST_CASE("a server that takes three seconds is offered 100/s all the same") {
  LiveRates rates;
  const Time start{std::chrono::seconds{5}};
  CHECK(rates.rates().offered_rps == 0);
  for (std::uint64_t ms = 0; ms <= 4000; ms += 200) {
    const std::uint64_t answered = ms < 3000 ? 0 : (ms - 3000) / 10;
    rates.add(start + milliseconds{ms}, {ms / 10, answered, 0});
    if (ms == 0) continue;
    CHECK(rates.rates().offered_rps == doctest::Approx(100));
    if (ms <= 3000) CHECK(rates.rates().achieved_rps == 0);
  }
  CHECK(rates.rates().achieved_rps == doctest::Approx(100));
}

TEST_CASE("the rates of a young run are of the time that it has run") {
  LiveRates rates;
  const Time start{std::chrono::seconds{5}};
  rates.add(start, {});
  rates.add(start + milliseconds{200}, {200, 100, 50});
  CHECK(rates.rates().offered_rps == doctest::Approx(1000));
  CHECK(rates.rates().achieved_rps == doctest::Approx(500));
  CHECK(rates.rates().failed_rps == doctest::Approx(250));
}

TEST_CASE("what was done before the last second is in no live rate") {
  LiveRates rates;
  const Time start{std::chrono::seconds{5}};
  std::uint64_t offered = 0;
  for (int i = 0; i <= 50; ++i) {
    rates.add(start + milliseconds{200 * i}, {offered, 0, 0});
    offered += i < 40 ? 200 : 20;
  }
  CHECK(rates.rates().offered_rps == doctest::Approx(100));
  // Rarely read: of the time between.
  rates.add(start + milliseconds{20'000}, {offered + 980, 0, 0});
  CHECK(rates.rates().offered_rps == doctest::Approx(100));
}
