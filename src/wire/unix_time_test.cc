#include "wire/unix_time.h"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

namespace galileo::wire {
namespace {

std::string written(std::int64_t ns, int decimals) {
  std::string text = "at ";
  append_unix_time(text, Wall{Duration{ns}}, decimals);
  return text.substr(3);
}

std::int64_t read(std::string_view text) {
  const std::optional<Wall> at = parse_unix_time(text);
  return at ? at->time_since_epoch().count() : -2;
}

TEST_CASE("a time is written with its decimals, rounded to the nearest") {
  CHECK(written(1'795'528'517'976'194'649, 7) == "1795528517.9761946");
  CHECK(written(1'795'528'517'976'194'650, 7) == "1795528517.9761947");
  CHECK(written(1'795'528'517'976'194'649, 9) == "1795528517.976194649");
  CHECK(written(1'795'528'517'999'999'950, 7) == "1795528518.0000000");
  CHECK(written(50, 7) == "0.0000001");
  CHECK(written(49, 7) == "0.0000000");
  CHECK(written(1, 9) == "0.000000001");
  CHECK(written(1'950'000'000, 1) == "2.0");
  CHECK(written(0, 7) == "0.0000000");
  CHECK(written(-1, 7) == "-1.0000000");
  CHECK(written(std::numeric_limits<std::int64_t>::max(), 7) == "9223372036.8547758");
}

TEST_CASE("a time is read to the nanosecond") {
  CHECK(read("1795528517.9761946") == 1'795'528'517'976'194'600);
  CHECK(read("1795528506.967292") == 1'795'528'506'967'292'000);
  CHECK(read("1795524823.691150601") == 1'795'524'823'691'150'601);
  CHECK(read("1.0000000005") == 1'000'000'001);
  CHECK(read("1.00000000049999999999999999999") == 1'000'000'000);
  CHECK(read("1.9999999999") == 2'000'000'000);
  CHECK(read("5") == 5'000'000'000);
  CHECK(read("000000000000000000005.5") == 5'500'000'000);
  CHECK(read("-1.0000000") == kNoWall.time_since_epoch().count());
  CHECK(read("-7") == kNoWall.time_since_epoch().count());
  CHECK(read("9223372035.999999999") == 9'223'372'035'999'999'999);
}

TEST_CASE("what isn't a time is refused") {
  const std::vector<std::string> cases{"",     "-",     ".",          ".5",
                                       "5.",   "1.2.3", "1,5",        "1e9",
                                       "nan",  "inf",   "None",       " 1.0",
                                       "1.0 ", "1.0x",  "0x10.0",     "+1.",
                                       "--1",  "1.-",   "9223372036", "99999999999999999999"};
  for (const std::string& text : cases) {
    CAPTURE(text);
    CHECK_FALSE(parse_unix_time(text));
  }
}

std::int64_t read_date(std::string_view text) {
  return parse_rfc3339(text).value_or(kNoWall).time_since_epoch().count();
}

TEST_CASE("a date of RFC 3339 is read with its fraction and its offset, and written as UTC") {
  CHECK(read_date("1970-01-01T00:00:00Z") == 0);
  CHECK(read_date("2026-11-27T22:06:06.102457329Z") == 1795817166'102457329);
  CHECK(read_date("2026-11-27T23:06:06.102457+01:00") == 1795817166'102457000);
  CHECK(read_date("2026-11-27 20:36:06-01:30") == 1795817166'000000000);
  CHECK(read_date("2024-02-29T23:59:60z") == read_date("2024-03-01T00:00:00Z"));
  CHECK(rfc3339(Wall{Duration{1795817166'102457329}}, 6) == "2026-11-27T22:06:06.102457Z");
  CHECK(rfc3339(Wall{Duration{1795817166'102457329}}, 0) == "2026-11-27T22:06:06Z");
  CHECK(rfc3339(Wall{}, 9) == "1970-01-01T00:00:00.000000000Z");
  for (const char* const wrong :
       {"", "2026", "2026-11-27", "2026-11-27T22:06:06", "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z", "2026-11-27T24:00:00Z", "2026-11-27T22:60:00Z",
        "2026-11-27T22:06:06.Z", "2026-11-27T22:06:06+1:00", "2026-11-27T22:06:06Zx",
        "1969-12-31T23:59:59Z", "2262-01-01T00:00:00Z", "+026-11-27T22:06:06Z",
        "1970-01-01T00:00:00+00:01"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_rfc3339(wrong));
  }
}

TEST_CASE("what is written with all decimals is read as it was") {
  for (std::int64_t ns = 1; ns < 3'000'000'000'000'000'000; ns = ns * 3 + 1) {
    CHECK(read(written(ns, 9)) == ns);
  }
}

}  // namespace
}  // namespace galileo::wire
