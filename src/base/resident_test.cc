#include "base/resident.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace galileo;

TEST_CASE("memory that was given back is there again when it is used") {
  keep_heap_small();
  std::vector<std::string> kept(1000, std::string(1000, 'x'));
  const char* const constant = "a constant of the program's file";
  for (int i = 0; i < 3; ++i) give_back_unused_memory();
  CHECK(std::string(constant) == "a constant of the program's file");
  CHECK(kept[999] == std::string(1000, 'x'));
}
