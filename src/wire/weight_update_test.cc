#include "wire/weight_update.h"

#include <doctest/doctest.h>

namespace galileo::wire {
namespace {

constexpr Wall kAt{Duration{1'795'528'517'250'000'000}};

TEST_CASE("a change of weights is written in the family's words, and read again") {
  const WeightUpdate update{kAt, "hello", "zone-a", {{"10.0.0.1:8080", 3}, {"10.0.0.2:8080", 0.5}}};
  const Event event = weight_update_event(update);
  CHECK(event.at == kAt);
  CHECK(event.name == "weight_update");
  CHECK(event.value == R"({"ts": 1795528517.2500000, "fn": "hello", "zone": "zone-a", "weights": )"
                       R"({"ips": ["10.0.0.1:8080", "10.0.0.2:8080"], "weights": [3, 0.5]}})");
  const auto again = parse_weight_update(event);
  REQUIRE_MESSAGE(again.ok(), again.error().to_text());
  CHECK(*again == update);
}

TEST_CASE("a function that nobody serves any more has no targets") {
  const Event event = weight_update_event({kAt, "hello", "main", {}});
  CHECK(event.value == R"({"ts": 1795528517.2500000, "fn": "hello", "zone": "main", )"
                       R"("weights": {"ips": [], "weights": []}})");
  const auto again = parse_weight_update(event);
  REQUIRE(again.ok());
  CHECK(again->targets.empty());
}

TEST_CASE("names are text whatever is in them") {
  const WeightUpdate update{kAt, "a\"b\\ü", "z\n", {{"[::1]:80", 1}}};
  const auto again = parse_weight_update(weight_update_event(update));
  REQUIRE(again.ok());
  CHECK(*again == update);
}

TEST_CASE("what isn't a change of weights is told why") {
  struct Case {
    const char* value;
    const char* why;
  };
  const Case cases[] = {
      {"", "JSON"},
      {"[]", "no 'fn'"},
      {R"({"fn": "f", "weights": {"ips": [], "weights": []}})", "no 'zone'"},
      {R"({"fn": 1, "zone": "z", "weights": {"ips": [], "weights": []}})", "no 'fn'"},
      {R"({"fn": "f", "zone": "z"})", "no 'weights'"},
      {R"({"fn": "f", "zone": "z", "weights": [1]})", "no list of ips"},
      {R"({"fn": "f", "zone": "z", "weights": {"ips": ["a:1"], "weights": []}})", "1 ips have 0"},
      {R"({"fn": "f", "zone": "z", "weights": {"ips": [1], "weights": [1]}})", "isn't text"},
      {R"({"fn": "f", "zone": "z", "weights": {"ips": ["a:1"], "weights": [-1]}})", "from 0 up"},
      {R"({"fn": "f", "zone": "z", "weights": {"ips": ["a:1"], "weights": ["1"]}})", "from 0 up"},
      {R"({"fn": "f", "zone": "z", "weights": {"ips": ["a:1"], "weights": [1e999]}})", "JSON"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.value);
    const auto update = parse_weight_update({kAt, "weight_update", one.value});
    REQUIRE_FALSE(update.ok());
    CHECK(update.error().code == ErrorCode::kCorrupt);
    CHECK_MESSAGE(update.error().to_text().find(one.why) != std::string::npos,
                  update.error().to_text());
  }
}

}  // namespace
}  // namespace galileo::wire
