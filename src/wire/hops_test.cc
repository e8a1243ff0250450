#include "wire/hops.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>

namespace galileo::wire {
namespace {

Wall at(std::int64_t ns) {
  return Wall{Duration{ns}};
}

// "Gw-X 1.5, Gw-Y 2" and so on, for a look at all at once.
std::string told(std::string_view headers) {
  const Hops hops = parse_hops(headers);
  std::string text;
  for (std::size_t i = 0; i < hops.count; ++i)
    text += fmt::format("{} {} ", hops.gateways[i].node,
                        hops.gateways[i].at.time_since_epoch().count());
  const auto time = [&](const char* name, Wall wall) {
    if (wall != kNoWall) text += fmt::format("{} {} ", name, wall.time_since_epoch().count());
  };
  if (!hops.final_host.empty()) text += fmt::format("final {} ", hops.final_host);
  time("start", hops.start);
  time("end", hops.end);
  return text;
}

// As the old balancer answered (../shared/vectors/gateway.jsonl), in a trace's headers.
TEST_CASE("one gateway: its name, its time, and the target") {
  const Hops hops =
      parse_hops(R"({"Content-Type": "text/plain", "X-Final-Host": "127.0.0.1:28101", )"
                 R"("X-Forwarded-For": "gw-x", "X-Forwarded-Host-Gw-X": "1795528031.6033223", )"
                 R"("X-Start": "1795528031.6040000", "X-End": "1795528031.6050001"})");
  REQUIRE(hops.count == 1);
  CHECK(hops.gateways[0].node == "gw-x");
  CHECK(hops.gateways[0].at == at(1'795'528'031'603'322'300));
  CHECK(hops.final_host == "127.0.0.1:28101");
  CHECK(hops.start == at(1'795'528'031'604'000'000));
  CHECK(hops.end == at(1'795'528'031'605'000'100));
}

TEST_CASE("hops are in the order in which the answer names them, whatever their clocks say") {
  struct Case {
    const char* what;
    const char* headers;
    const char* told;
  };
  const Case cases[] = {
      {"the second one's clock is behind",
       R"({"X-Final-Host":"10.0.3.1:8080, 10.42.33.30:8080","X-Forwarded-For":"gw-a, gw-b",)"
       R"("X-Forwarded-Host-Gw-A":"9","X-Forwarded-Host-Gw-B":"5"})",
       "gw-a 9000000000 gw-b 5000000000 final 10.42.33.30:8080 "},
      {"nobody says the order: by time",
       R"({"X-Forwarded-Host-Gw-A":"9","X-Forwarded-Host-Gw-B":"5"})",
       "Gw-B 5000000000 Gw-A 9000000000 "},
      {"one that isn't named: by time",
       R"({"X-Forwarded-For":"gw-a","X-Forwarded-Host-Gw-A":"9","X-Forwarded-Host-Gw-B":"5"})",
       "Gw-B 5000000000 Gw-A 9000000000 "},
      {"one that is named twice",
       R"({"X-Forwarded-For":"gw-a, gw-a, gw-b","X-Forwarded-Host-Gw-B":"5",)"
       R"("X-Forwarded-Host-Gw-A":"9, 10"})",
       "gw-a 9000000000 gw-b 5000000000 "},
      {"small letters",
       R"({"x-final-host":"a:1","x-forwarded-host-gw":"1","x-start":"2","x-end":"3"})",
       "gw 1000000000 final a:1 start 2000000000 end 3000000000 "},
      {"IPv6", R"({"X-Final-Host": "[::1]:80"})", "final [::1]:80 "},
  };
  for (const Case& one : cases) {
    CAPTURE(one.what);
    CHECK(told(one.headers) == one.told);
  }
}

TEST_CASE("each gateway's target stands as the header has it") {
  const Hops hops = parse_hops(R"({"X-Final-Host": "10.0.3.1:8080, 10.42.33.30:8080"})");
  CHECK(hops.final_hosts == "10.0.3.1:8080, 10.42.33.30:8080");
  CHECK(hops.final_host == "10.42.33.30:8080");
}

TEST_CASE("what can't be read is passed over") {
  struct Case {
    const char* headers;
    const char* told;
  };
  const Case cases[] = {
      {"", ""},
      {"{}", ""},
      {"[]", ""},
      {R"({"X-Start": "soon", "X-End": "-1", "X-Final-Host": ""})", ""},
      {R"({"X-Start": 5, "X-End": "6"})", "end 6000000000 "},
      {R"({"a": {"X-Start": "5"}, "X-End": "6"})", ""},
      {R"({"a\"b": "c\\", "X-End": "6"})", "end 6000000000 "},
      {R"({"X-End": "6", "X-Start": "5)", "end 6000000000 "},
      {R"({"X-Forwarded-Host-": "5", "X-Forwarded-Host": "6", "X-Starts": "7"})", ""},
      {R"({"X-)", ""},
  };
  for (const Case& one : cases) {
    CAPTURE(one.headers);
    CHECK(told(one.headers) == one.told);
  }
}

TEST_CASE("more gateways than anybody has are bounded") {
  std::string headers = "{";
  for (int i = 0; i < 20; ++i)
    headers += fmt::format(R"({}"X-Forwarded-Host-G{}": "{}")", i ? ", " : "", i, 20 - i);
  const Hops hops = parse_hops(headers + "}");
  CHECK(hops.count == Hops::kGatewaysMax);
  CHECK(hops.gateways[0].at < hops.gateways[7].at);
}

}  // namespace
}  // namespace galileo::wire
