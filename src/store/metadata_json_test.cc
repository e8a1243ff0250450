#include "store/metadata_json.h"

#include <doctest/doctest.h>

using namespace galileo;
using namespace galileo::store;

TEST_CASE("Metadata get the experiment's id and are else left as they are") {
  struct Case {
    const char* given;
    const char* kept;
  };
  for (const Case& c : {
           Case{"{}", R"({"exp_id":"a-1"})"},
           Case{" { } ", R"( { "exp_id":"a-1"} )"},
           Case{R"({"b": 1.50, "a": [1, {"exp_id": 2}]})",
                R"({"b": 1.50, "a": [1, {"exp_id": 2}],"exp_id":"a-1"})"},
           Case{R"({"exp_id": {"x": "}"}, "b": 2})", R"({"exp_id":"a-1", "b": 2})"},
           Case{R"({"b": "\"exp_id\": 1", "exp_id" : "old" })",
                R"({"b": "\"exp_id\": 1", "exp_id" :"a-1"})"},
           Case{R"({"n": -1e-5, "t": "\\"})", R"({"n": -1e-5, "t": "\\","exp_id":"a-1"})"},
           Case{"{\"t\": \"\xff\"}", "{\"t\": \"\xef\xbf\xbd\",\"exp_id\":\"a-1\"}"},
       }) {
    CAPTURE(c.given);
    const auto kept = metadata_with_id(c.given, "a-1");
    REQUIRE(kept.ok());
    CHECK(*kept == c.kept);
  }
}

TEST_CASE("An id with quotes in it is still one text") {
  CHECK(*metadata_with_id("{}", "a\"b") == R"({"exp_id":"a\"b"})");
}

TEST_CASE("What isn't a JSON object is refused with the reason") {
  for (const char* text : {"", "{", "[1]", "1", "{\"a\": }", "{} {}", "{'a': 1}"}) {
    CAPTURE(text);
    const auto kept = metadata_with_id(text, "a-1");
    REQUIRE_FALSE(kept.ok());
    CHECK(kept.error().code == ErrorCode::kUsage);
    CHECK_FALSE(kept.error().why.empty());
  }
}
