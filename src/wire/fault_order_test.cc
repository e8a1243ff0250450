#include "wire/fault_order.h"

#include <doctest/doctest.h>

namespace galileo::wire {
namespace {

FaultOrder read(std::string_view message) {
  const auto order = parse_fault_order(message);
  REQUIRE_MESSAGE(order.ok(), order.error().to_text());
  return *order;
}

std::string why_not(std::string_view message) {
  const auto order = parse_fault_order(message);
  return order.ok() ? "" : order.error().to_text();
}

}  // namespace

TEST_CASE("an order of the family is read as its scripts send it") {
  const FaultOrder tc = read(
      R"({"name": "tc", "parameters": {"tc": ["qdisc", "add", "dev", "eth0", "root", "netem", "delay", "50ms"]},
          "kind": "start"})");
  CHECK(tc.kind == FaultOrder::Kind::kStart);
  CHECK(tc.name == "tc");
  CHECK(tc.words.size() == 8);
  CHECK(tc.words.back() == "50ms");
  const FaultOrder stress = read(
      R"({"name": "stress-ng", "parameters": {"cpu": 0, "timeout": "60s", "vm-keep": true}, "kind": "stop"})");
  CHECK(stress.kind == FaultOrder::Kind::kStop);
  using Options = std::vector<std::pair<std::string, std::string>>;
  CHECK(stress.options == Options{{"cpu", "0"}, {"timeout", "60s"}, {"vm-keep", ""}});
  // What others add one day is passed over.
  CHECK(read(R"({"name": "tc", "parameters": {"tc": ["qdisc", 7]}, "kind": "start", "x": {}})")
            .words.back() == "7");
}

TEST_CASE("an order that was written is read as it was") {
  FaultOrder order;
  order.name = "tc";
  order.words = {"qdisc", "add", "dev", "DEV", "root", "tbf"};
  order.kind = FaultOrder::Kind::kTry;
  order.id = "e/1";
  order.of = "e";
  order.network = "10.0.0.1";
  order.lasts = std::chrono::milliseconds{1500};
  order.lease = std::chrono::seconds{30};
  CHECK(read(to_text(order)) == order);
  order = {};
  order.name = "stress-ng";
  order.options = {{"cpu", "2"}, {"vm-keep", ""}, {"\"", "\n"}};
  CHECK(read(to_text(order)) == order);
  order = {};
  order.kind = FaultOrder::Kind::kEnd;
  order.of = "e";
  CHECK(to_text(order) == R"({"kind": "end", "of": "e"})");
  CHECK(read(to_text(order)) == order);
}

TEST_CASE("what is no order is told") {
  CHECK(why_not("STOP").size() > 0);
  CHECK(why_not("[]").find("an array, not an object") != std::string::npos);
  CHECK(why_not("{}").find("'kind' is none of start, stop") != std::string::npos);
  CHECK(why_not(R"({"kind": "start"})").find("no 'name'") != std::string::npos);
  CHECK(why_not(R"({"kind": "start", "name": "tc"})").find("'parameters'") != std::string::npos);
  CHECK(why_not(R"({"kind": "start", "name": "tc", "parameters": {}})").find("no list 'tc'") !=
        std::string::npos);
  CHECK(why_not(R"({"kind": "start", "name": "tc", "parameters": {"tc": [["a"]]}})")
            .find("a word of 'tc'") != std::string::npos);
  CHECK(why_not(R"({"kind": "start", "name": "stress-ng", "parameters": {"cpu": [2]}})")
            .find("'cpu' is an array") != std::string::npos);
  CHECK(why_not(R"({"kind": "end"})").find("'of'") != std::string::npos);
  for (const char* seconds : {"-1", "\"1\"", "1e300", "true"}) {
    CAPTURE(seconds);
    CHECK(why_not(std::string(R"({"kind": "start", "name": "x", "parameters": {}, "for": )") +
                  seconds + "}")
              .find("'for' isn't a number of seconds") != std::string::npos);
  }
  CHECK(why_not(std::string(70'000, ' ')).find("64 KiB") != std::string::npos);
}

TEST_CASE("a report that was written is read as it was") {
  FaultReport report;
  report.state = FaultReport::State::kEnded;
  report.node = "node1";
  report.id = "e/1";
  report.of = "e";
  report.name = "tc";
  report.at = Wall{std::chrono::microseconds{1'795'528'517'250'001}};
  report.why = "its time is over";
  report.effect = {{"packets", 7}, {"loss", 0.05}};
  const auto again = parse_fault_report(to_text(report));
  REQUIRE(again.ok());
  CHECK(*again == report);
  for (const char* text :
       {"{}", "[]", R"({"state": "gone"})", R"({"state": "ended", "node": 7})",
        R"({"state": "ended", "effect": [1]})", R"({"state": "ended", "effect": {"a": "b"}})"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_fault_report(text).ok());
  }
}

}  // namespace galileo::wire
