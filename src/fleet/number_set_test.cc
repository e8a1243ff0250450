#include "fleet/number_set.h"

#include <doctest/doctest.h>

#include <set>

#include "base/random.h"

using namespace galileo;
using galileo::fleet::NumberSet;

TEST_CASE("Numbers in any order: each is new once, and what is missing between them is counted") {
  NumberSet set;
  CHECK(set.missing() == 0);
  CHECK(set.missing_up_to(3) == 3);
  CHECK_FALSE(set.unbroken_to(5));
  CHECK(set.add(5));
  CHECK(set.add(7));
  CHECK(set.missing() == 1);
  CHECK_FALSE(set.unbroken_to(4));
  CHECK(set.unbroken_to(5));
  CHECK_FALSE(set.unbroken_to(7));
  CHECK(set.add(6));
  CHECK(set.missing() == 0);
  CHECK_FALSE(set.add(6));
  CHECK(set.unbroken_to(7));
  CHECK(set.count() == 3);
  CHECK(set.missing_up_to(7) == 4);
  CHECK(set.missing_up_to(9) == 6);
}

TEST_CASE("A shuffled stretch with repetitions agrees with a set of all its numbers") {
  Random random(7);
  for (int round = 0; round < 200; ++round) {
    NumberSet set;
    std::set<std::uint64_t> seen;
    for (int i = 0; i < 100; ++i) {
      const std::uint64_t number = 1 + random.below(80);
      CHECK(set.add(number) == seen.insert(number).second);
    }
    CHECK(set.count() == seen.size());
    CHECK(set.missing() == *seen.rbegin() - *seen.begin() + 1 - seen.size());
    CHECK(set.missing_up_to(80) == 80 - seen.size());
  }
}

TEST_CASE("The largest number is one like the others") {
  NumberSet set;
  constexpr std::uint64_t kLargest = ~std::uint64_t{0};
  CHECK(set.add(kLargest));
  CHECK(set.add(0));
  CHECK_FALSE(set.add(kLargest));
  CHECK(set.add(kLargest - 1));
  CHECK(set.count() == 3);
  CHECK(set.last() == kLargest);
}
