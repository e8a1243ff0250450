#include "plan/file_metadata.h"

#include <doctest/doctest.h>

#include "plan/file.h"

namespace galileo::plan {
namespace {

Result<Plan> parse(const std::string& metadata) {
  return parse_plan(
      "name: x\nservices: {a: {hosts: [\"127.0.0.1:1\"]}}\nclients: [{service: a}]\n" + metadata,
      "f.yaml", {});
}

std::string kept(const std::string& metadata) {
  const auto plan = parse("metadata:\n  " + metadata + "\n");
  if (!plan.ok()) return plan.error().why;
  return plan->metadata;
}

TEST_CASE("a value of the metadata is what it would be in a request's json") {
  struct Case {
    const char* yaml;
    const char* json;
  };
  const Case cases[] = {
      {"a: 5", R"({"a": 5})"},
      {"a: '5'", R"({"a": "5"})"},
      {"a: 0", R"({"a": 0})"},
      {"a: 123456789012345678901234567890", R"({"a": 123456789012345678901234567890})"},
      {"a: -12", R"({"a": -12})"},
      {"a: 1.5e3", R"({"a": 1500.0})"},
      {"a: 0.025", R"({"a": 0.025})"},
      {"a: .5", R"({"a": 0.5})"},
      {"a: 1e999", R"({"a": "1e999"})"},
      {"a: .inf", R"({"a": ".inf"})"},
      {"a: .nan", R"({"a": ".nan"})"},
      {"a: 1-2", R"({"a": "1-2"})"},
      {"a: 10.0.0.1", R"({"a": "10.0.0.1"})"},
      {"a: e", R"({"a": "e"})"},
      {"a: true", R"({"a": true})"},
      {"a: FALSE", R"({"a": false})"},
      {"a: on", R"({"a": "on"})"},
      {"a: ~", R"({"a": null})"},
      {"a:", R"({"a": null})"},
      {"a: ''", R"({"a": ""})"},
      {"a: ü", R"({"a": "\u00fc"})"},
      {"a: [1, b, [], {}]", R"({"a": [1, "b", [], {}]})"},
      {"5: {b: {c: d}}", R"({"5": {"b": {"c": "d"}}})"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.yaml);
    CHECK(kept(one.yaml) == one.json);
  }
}

TEST_CASE("no metadata are none, and neither is an empty map") {
  for (const char* text : {"", "metadata:\n", "metadata: {}\n"}) {
    CAPTURE(text);
    const auto plan = parse(text);
    REQUIRE(plan.ok());
    CHECK(plan->metadata.empty());
  }
}

TEST_CASE("a key of the result's is refused at its place, a map of the user's may have it") {
  CHECK(kept("{a: 1, notes: 2}").find("f.yaml:5:10: metadata can't have the key 'notes'") !=
        std::string::npos);
  CHECK(kept("{mine: {notes: 2}}") == R"({"mine": {"notes": 2}})");
}

TEST_CASE("credentials by their names are hidden, counts of tokens aren't") {
  CHECK(kept("{db: {password: hunter2, tokens: [a, 5]}, max_tokens: 128}") ==
        R"({"db": {"password": "***", "tokens": ["***", 5]}, "max_tokens": 128})");
}

TEST_CASE("the nodes of a bus are named in the file") {
  const auto plan = parse("bus: redis://127.0.0.1:1\ntelemetry: {nodes: [n1, n2]}\n");
  REQUIRE(plan.ok());
  CHECK(plan->telemetry.nodes == std::vector<std::string>{"n1", "n2"});
  CHECK(describe(*plan).find("; of the nodes n1, n2\n") != std::string::npos);
  const auto lost = parse("telemetry: {nodes: n1}\n");
  REQUIRE_FALSE(lost.ok());
  CHECK(lost.error().why.find("daemons of a bus, and none is named") != std::string::npos);
}

}  // namespace
}  // namespace galileo::plan
