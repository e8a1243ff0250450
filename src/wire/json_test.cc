#include "wire/json.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace galileo::wire {
namespace {

std::string again(std::string_view text) {
  const Result<Json> json = parse_json(text);
  return json.ok() ? to_text(*json) : json.error().to_text();
}

// Each was written by Python 3.11's json.dumps.
TEST_CASE("what Python wrote is written with the same bytes") {
  const std::vector<std::string> cases{
      R"(null)",
      R"(true)",
      R"("")",
      R"([])",
      R"({})",
      R"(-7)",
      R"([[], {}, [{}]])",
      R"({"b": 1, "a": [1, 2.5, null, true, false]})",
      R"([0.05, 1.0, 1e-11, 1e+16, 2.5, -0.0, 1e-05, 0.0001, 1e+22, 123456789012345.6])",
      R"([1234567890123456.0, 9007199254740992.0, 1.7976931348623157e+308, 5e-324, 1.5e-07])",
      R"([123456789012345678901234567890, -9223372036854775809, 18446744073709551616])",
      R"("\"\\/\b\f\n\r\t\u0000\u001f\u007f\u00fc\u20ac\ud83d\ude00")",
      R"({"": 0, "\u00fc": "a b"})"};
  for (const std::string& text : cases) CHECK(again(text) == text);
}

TEST_CASE("what others wrote comes out as Python would write it again") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {" [1,2 ,\n3]\t", "[1, 2, 3]"},
      {"[1E5, 1.50, 1e0]", "[100000.0, 1.5, 1.0]"},
      {"[-0, -0.0]", "[0, -0.0]"},
      {"\"\\/ \xc3\xbc \\u00FC\"", "\"/ \\u00fc \\u00fc\""},
      {R"({"a":1,"b":2,"a":3})", R"({"a": 3, "b": 2})"},
      {R"({"a":1,"a":2,"a":3,"c":4})", R"({"a": 3, "c": 4})"},
  };
  for (const auto& [text, wanted] : cases) CHECK(again(text) == wanted);
}

TEST_CASE("what isn't JSON is refused with the byte and the reason") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "it isn't JSON at byte 1"},
      {"[1,]", "it isn't JSON at byte 4"},
      {"[1] x", "it isn't JSON at byte 5"},
      {"{\"a\"}", "it isn't JSON at byte 5"},
      {"\"open", "it isn't JSON at byte 6"},
      {"\"\\ud800\"", "it isn't JSON at byte 8"},
      {"[1, NaN]", "it isn't JSON at byte 5: NaN and Infinity are Python's"},
      {"Infinity", "it isn't JSON at byte 1: NaN and Infinity are Python's"},
      {"[-Infinity]", "it isn't JSON at byte 3: NaN and Infinity are Python's"},
      {R"(["\I"])", "it isn't JSON at byte 4"},
      {"1e999", "it isn't JSON at byte 5"},
      {"\"\xff\"", "it isn't UTF-8"},
  };
  for (const auto& [text, why] : cases) {
    CAPTURE(text);
    const Result<Json> json = parse_json(text);
    REQUIRE_FALSE(json.ok());
    CHECK(json.error().why == why);
    CHECK(json.error().code == ErrorCode::kCorrupt);
  }
}

TEST_CASE("depth, number of values and bytes are bounded") {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  CHECK(parse_json(nested(kJsonDepthMax)).ok());
  CHECK(parse_json(nested(kJsonDepthMax + 1)).error().why == "it is nested more than 64 deep");
  CHECK(parse_json(std::string(1'000'000, '[')).error().why == "it is nested more than 64 deep");
  std::string many = "[0";
  while (many.size() < 2 * kJsonValuesMax - 3) many += ",0";
  CHECK(parse_json(many + "]").ok());
  CHECK(parse_json(many + ",0]").error().why == "it holds more than 1000000 values");
  const std::string large(kJsonBytesMax + 1, ' ');
  CHECK(parse_json(large).error().why == "it has 16777217 bytes, more than 16777216");
}

TEST_CASE("an object's values are found by their keys") {
  const Result<Json> json = parse_json(R"({"a": 1, "b": {"a": 2}})");
  REQUIRE(json.ok());
  REQUIRE(find(*json, "a"));
  CHECK(find(*json, "a")->text == "1");
  CHECK(find(*json, "c") == nullptr);
  CHECK(find(*find(*json, "a"), "a") == nullptr);
}

TEST_CASE("texts that aren't UTF-8 and numbers that aren't finite still make JSON") {
  CHECK(json_text("a\xff\"") == R"("a\ufffd\"")");
  CHECK(json_real(std::numeric_limits<double>::infinity()) == "null");
  CHECK(json_real(std::nan("")) == "null");
  CHECK(json_real(0.1) == "0.1");
}

}  // namespace
}  // namespace galileo::wire
