#include "wire/event_line.h"

#include <doctest/doctest.h>

#include <vector>

namespace galileo::wire {
namespace {

std::string written(const Event& event) {
  std::string text;
  append_event_line(text, event);
  return text;
}

// The first two are recorded from the old shell, whose times have as many decimals as they need.
TEST_CASE("an event is a time, a name and perhaps a value, which may hold blanks") {
  struct Case {
    std::string text;
    std::int64_t ns;
    std::string name;
    std::string value;
  };
  const std::vector<Case> cases{
      {R"(1795528506.967292 scale {"replicas": 2, "note": "a b"})", 1'795'528'506'967'292'000,
       "scale", R"({"replicas": 2, "note": "a b"})"},
      {"1795528506.9721289 mark", 1'795'528'506'972'128'900, "mark", ""},
      {"1795528849.0480211 end a b  c", 1'795'528'849'048'021'100, "end", "a b  c"},
      {"1795528844.0545700 pod/create  x", 1'795'528'844'054'570'000, "pod/create", " x"},
      {"5 mark 0", 5'000'000'000, "mark", "0"},
      {"5.5 mark ", 5'500'000'000, "mark", ""},
  };
  for (const Case& wanted : cases) {
    CAPTURE(wanted.text);
    const Result<Event> event = parse_event_line(wanted.text);
    REQUIRE(event.ok());
    CHECK(event->at == Wall{Duration{wanted.ns}});
    CHECK(event->name == wanted.name);
    CHECK(event->value == wanted.value);
    const Result<Event> again = parse_event_line(written(*event));
    REQUIRE(again.ok());
    CHECK(written(*again) == written(*event));
  }
  CHECK(written(*parse_event_line(cases[1].text)) == cases[1].text);
  CHECK(written(*parse_event_line(cases[2].text)) == cases[2].text);
}

TEST_CASE("an event may be stamped with a date, as Python writes one") {
  struct Case {
    std::string text;
    std::int64_t ns;
    std::string name;
    std::string value;
  };
  constexpr std::int64_t kSecond = 1'795'971'903'000'000'000;  // 2026-11-29 17:05:03 UTC
  const std::vector<Case> cases{
      {"2026-11-29 17:05:03.250000 scale {\"n\": 1, \"a\": 2}", kSecond + 250'000'000, "scale",
       "{\"n\": 1, \"a\": 2}"},
      {"2026-11-29 17:05:03.000001 mark", kSecond + 1000, "mark", ""},
      {"2026-11-29 17:05:03 mark", kSecond, "mark", ""},  // no fraction where it is 0
      {"2028-02-29 00:00:00.5 leap", 1'835'395'200'500'000'000, "leap", ""},
  };
  for (const Case& wanted : cases) {
    CAPTURE(wanted.text);
    const Result<Event> event = parse_event_line(wanted.text);
    REQUIRE(event.ok());
    CHECK(event->at == Wall{Duration{wanted.ns}});
    CHECK(event->name == wanted.name);
    CHECK(event->value == wanted.value);
  }
  // The clock of a zone an hour ahead.
  const auto ahead = [](std::tm clock) { return utc_seconds(clock) - 3600; };
  CHECK(parse_event_line(cases[2].text, ahead)->at == Wall{Duration{kSecond - 3'600'000'000'000}});
  CHECK(parse_event_line("5 mark", ahead)->at == Wall{std::chrono::seconds{5}});
}

TEST_CASE("what is no date is no stamp") {
  for (const char* text :
       {"2026-11-29 mark", "2026-11-29 17:05 mark", "2026-13-29 17:05:03 mark",
        "2026-11-29 25:05:03 mark", "2026-11-29 17:05:03. mark", "2026-11-29 17:05:03.x mark",
        "2026-11-29 17:05:03Z mark", "0001-01-01 00:00:00 mark", "2026-11-29 17:05:03"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_event_line(text).ok());
  }
}

TEST_CASE("a name with blanks stays one name") {
  CHECK(written({Wall{Duration{0}}, "a b c", "d e"}) == "0.0000000 a_b_c d e");
}

TEST_CASE("what is no event is refused with the reason") {
  CHECK(parse_event_line("").error().why == "'' isn't a time in seconds");
  CHECK(parse_event_line("mark").error().why == "'mark' isn't a time in seconds");
  CHECK(parse_event_line("begin 1.0").error().why == "'begin' isn't a time in seconds");
  CHECK(parse_event_line("1.0").error().why == "it has no name");
  CHECK(parse_event_line("1.0 ").error().why == "it has no name");
  CHECK(parse_event_line("1.0  mark").error().why == "it has no name");
  CHECK(parse_event_line("1.0").error().code == ErrorCode::kCorrupt);
}

TEST_CASE("what isn't UTF-8 is kept with the sign for it") {
  CHECK(parse_event_line("1.0 a\xff b\xff")->value == "b\xef\xbf\xbd");
}

}  // namespace
}  // namespace galileo::wire
