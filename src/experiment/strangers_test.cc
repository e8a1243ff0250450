#include "experiment/strangers.h"

#include <doctest/doctest.h>

using namespace galileo::experiment;

TEST_CASE("clients that are none of the run's are told, however early its own were seen") {
  Strangers strangers;
  CHECK_FALSE(strangers.doubt().has_value());
  strangers.see({"w:app:0", "w:app:1"});
  strangers.expect({"w:app:0", "w:app:1"});
  CHECK_FALSE(strangers.doubt().has_value());
  strangers.see({"w:other:7"});
  strangers.see({"w:app:0"});
  REQUIRE(strangers.doubt().has_value());
  CHECK(*strangers.doubt() ==
        "the workers had 1 client of others meanwhile, whose requests nothing here tells of: "
        "w:other:7");
}
