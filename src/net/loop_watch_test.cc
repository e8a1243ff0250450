// When a loop is said to have stood still, and when not.
#include "net/loop_watch.h"

#include <doctest/doctest.h>

using namespace galileo;
using namespace galileo::net;
using std::chrono::milliseconds;

namespace {

constexpr Time kAt{std::chrono::seconds{100}};

// What is found of one look that is `late`, in which the thread ran and waited that long.
Duration found(Duration late, Duration ran, Duration waited) {
  StandstillFinder finder;
  finder.look(kAt, kAt, {std::chrono::seconds{5}, std::chrono::seconds{1}});
  const Time due = kAt + milliseconds{50};
  finder.look(due, due + late, {std::chrono::seconds{5} + ran, std::chrono::seconds{1} + waited});
  return finder.stood_still();
}

}  // namespace

TEST_CASE("a loop whose look is late stood still, unless its core was taken or it was busy") {
  CHECK(found(milliseconds{200}, milliseconds{2}, Duration{0}) == milliseconds{198});
  CHECK(found(milliseconds{1}, Duration{0}, Duration{0}) == Duration{0});
  CHECK(found(milliseconds{200}, milliseconds{5}, milliseconds{190}) == Duration{0});
  CHECK(found(milliseconds{200}, milliseconds{245}, Duration{0}) == Duration{0});
  // The first look knows of nothing before it.
  StandstillFinder finder;
  finder.look(kAt, kAt + std::chrono::seconds{9}, {});
  CHECK(finder.stood_still() == Duration{0});
}

TEST_CASE("the kernel's figures of a thread are read, and nothing is made of other texts") {
  const auto times = parse_schedstat("123456789 987654 42\n");
  REQUIRE(times);
  CHECK(times->ran == Duration{123456789});
  CHECK(times->waited == Duration{987654});
  for (const char* text : {"", "12", "12 ", "a b c", "12 b"}) CHECK_FALSE(parse_schedstat(text));
}
