#include "base/text.h"

#include <doctest/doctest.h>

#include "base/result.h"

using namespace galileo;

TEST_CASE("durations are read as people write them") {
  const std::vector<std::pair<const char*, std::int64_t>> cases{{"90", 90'000'000'000},
                                                                {"1.5s", 1'500'000'000},
                                                                {"250ms", 250'000'000},
                                                                {"10us", 10'000},
                                                                {"10µs", 10'000},
                                                                {"7ns", 7},
                                                                {"5m", 300'000'000'000},
                                                                {"1h30m", 5'400'000'000'000},
                                                                {"0", 0},
                                                                {" 2 s ", 2'000'000'000}};
  for (const auto& [text, ns] : cases) {
    CAPTURE(text);
    const auto duration = parse_duration(text);
    REQUIRE(duration.ok());
    CHECK(duration->count() == ns);
  }
  for (const char* text :
       {"", "s", "-1s", "5 parsecs", "1s2", "1..5s", "1e400s", "300y", "nan", "inf"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text).ok());
  }
}

TEST_CASE("durations are shown with three digits in the unit that fits") {
  const std::vector<std::pair<std::int64_t, const char*>> cases{{0, "0s"},
                                                                {999, "999ns"},
                                                                {1'234, "1.23us"},
                                                                {123'456, "123us"},
                                                                {999'600, "1.00ms"},
                                                                {12'345'678, "12.3ms"},
                                                                {1'500'000'000, "1.50s"},
                                                                {61'000'000'000, "1m01s"},
                                                                {3'725'000'000'000, "1h02m05s"},
                                                                {-2'880'000, "-2.88ms"}};
  for (const auto& [ns, text] : cases) CHECK(format_duration(Duration{ns}) == text);
}

TEST_CASE("rates and counts take the spellings of other tools") {
  CHECK(*parse_rate("100") == 100);
  CHECK(*parse_rate("10k") == 10'000);
  CHECK(*parse_rate("50/1s") == 50);
  CHECK(*parse_rate("600/m") == doctest::Approx(10));
  CHECK(*parse_rate("1/100ms") == doctest::Approx(10));
  CHECK(*parse_rate("50/0.5s") == doctest::Approx(100));
  CHECK(*parse_rate("50/.5s") == doctest::Approx(100));
  CHECK(*parse_count("1.5M") == 1'500'000);
  for (const char* text : {"", "-5", "fast", "5/", "5/0s", "5/-1s"})
    CHECK_FALSE(parse_rate(text).ok());
  for (const char* text : {"", "-5", "1.5", "many", "1e30"}) CHECK_FALSE(parse_count(text).ok());
  CHECK(*parse_bytes("4096") == 4096);
  CHECK(*parse_bytes("10GiB") == std::uint64_t{10} << 30);
  CHECK(*parse_bytes("1.5 MiB") == 3u << 19);
  CHECK(*parse_bytes("500MB") == 500'000'000);
  CHECK(*parse_bytes("64kB") == 64'000);
  for (const char* text : {"", "-5MB", "10 gallons", "GiB", "1e30", "5EB"})
    CHECK_FALSE(parse_bytes(text).ok());
}

TEST_CASE("a mistyped word finds the one that was meant, and a strange one finds none") {
  const std::vector<std::string> known{"arrival", "requests", "duration", "expovariate"};
  CHECK(did_you_mean("arival", known) == "arrival");
  CHECK(did_you_mean("reqeusts", known) == "requests");
  CHECK(did_you_mean("expo", known) == "expovariate");
  CHECK_FALSE(did_you_mean("xyz", known).has_value());
  CHECK(hint_for_unknown("xyz", {"a", "b"}) == "use one of: a, b");
}

TEST_CASE("sizes and counts are shown for people") {
  CHECK(format_count(0) == "0");
  CHECK(format_count(1234567) == "1,234,567");
  CHECK(format_bytes(512) == "512 B");
  CHECK(format_bytes(10.5 * 1024 * 1024) == "10.5 MiB");
}

TEST_CASE("an error reads: what, where: why; hint") {
  CHECK(Error{ErrorCode::kIo, "can't read", "x.yaml", "it is a folder", "name a file"}.to_text() ==
        "can't read, x.yaml: it is a folder; name a file");
  CHECK(Error{ErrorCode::kIo, "can't read", {}, {}, {}}.to_text() == "can't read");
}

TEST_CASE("TRY hands a value on, or ends the function with the error") {
  const auto half = [](int x) -> Result<int> {
    if (x % 2) return Error{ErrorCode::kUsage, "odd", {}, {}, {}};
    return x / 2;
  };
  const auto quarter = [&](int x) -> Result<int> { return TRY(half(TRY(half(x)))); };
  CHECK(*quarter(8) == 2);
  CHECK(quarter(6).error().what == "odd");
}
