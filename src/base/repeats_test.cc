#include "base/repeats.h"

#include <doctest/doctest.h>

using namespace galileo;
using std::chrono::milliseconds;

TEST_CASE("pauses begin at their floor, grow to their ceiling, and begin anew after a success") {
  Pauses pauses(milliseconds{50}, milliseconds{300});
  for (const int expected : {50, 100, 200, 300, 300})
    CHECK(pauses.next() == milliseconds{expected});
  pauses.begin_anew();
  CHECK(pauses.next() == milliseconds{50});
}

TEST_CASE("pauses that are shortened by chance never fall below half") {
  Random random(1, 0);
  Pauses pauses(milliseconds{100}, milliseconds{100});
  bool differs = false;
  const Duration first = pauses.next(random);
  for (int i = 0; i < 1000; ++i) {
    const Duration pause = pauses.next(random);
    CHECK(pause >= milliseconds{50});
    CHECK(pause <= milliseconds{100});
    differs = differs || pause != first;
  }
  CHECK(differs);
}

TEST_CASE(
    "the same trouble is told once a minute, other trouble once a second, with the rest's count") {
  Telling telling;
  Time now{};
  CHECK(telling.may(now, "a") == 0u);
  for (int i = 0; i < 150; ++i) CHECK_FALSE(telling.may(now + milliseconds{i * 6}, "a"));
  CHECK_FALSE(telling.may(now + milliseconds{950}, "b"));
  CHECK(telling.may(now + std::chrono::seconds{1}, "b") == 151u);
  CHECK_FALSE(telling.may(now + std::chrono::seconds{60}, "b"));
  CHECK(telling.may(now + std::chrono::seconds{61}, "b") == 1u);
  telling.begin_anew();
  CHECK(telling.may(now + std::chrono::seconds{61}, "b") == 0u);
}
