#include "gateway/heads.h"

#include <doctest/doctest.h>

#include "gateway/weights.h"

namespace galileo::gateway {
namespace {

const HopNames kNames("gw-main");
const Hop kHop{Wall{std::chrono::nanoseconds{1795524919'779525500}}, "127.0.0.1:18101"};

std::string request_of(std::initializer_list<std::pair<const char*, const char*>> headers) {
  Head head(kNames, true);
  head.on_head();
  for (const auto& [name, value] : headers) head.on_header(name, value);
  head.finish();
  std::string text;
  append_request_head(text, "GET", "/a?x=1", head, kNames, kHop, "10.1.1.1");
  return text;
}

constexpr const char* kOwnOfRequest =
    "X-Forwarded-For: gw-main, 10.1.1.1\r\nX-Final-Host: 127.0.0.1:18101\r\n"
    "X-Forwarded-Host-Gw-Main: 1795524919.7795255\r\n\r\n";

TEST_CASE("a header's name is canonical: each part between dashes capitalised") {
  CHECK(canonical_header("gw-main") == "Gw-Main");
  CHECK(canonical_header("GW") == "Gw");
  CHECK(canonical_header("a--b1") == "A--B1");
  CHECK(canonical_header("").empty());
}

TEST_CASE("a request gets the hop's headers, whatever the client has said of them") {
  CHECK(request_of({{"Host", "h"}, {"Accept", "*/*"}}) ==
        std::string("GET /a?x=1 HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n") + kOwnOfRequest);
  CHECK(request_of({{"Host", "h"},
                    {"x-forwarded-for", "evil"},
                    {"X-FINAL-HOST", "evil"},
                    {"X-Forwarded-Host-gw-main", "evil"},
                    {"X-Forwarded-Host-Gw-Other", "1.5"}}) ==
        std::string("GET /a?x=1 HTTP/1.1\r\nHost: h\r\nX-Forwarded-Host-Gw-Other: 1.5\r\n") +
            kOwnOfRequest);
}

TEST_CASE("what makes the message what it is stays, whatever Connection names") {
  CHECK(request_of({{"Connection", "Content-Length, host, Transfer-Encoding, X-Mine"},
                    {"Host", "h"},
                    {"X-Mine", "1"},
                    {"Content-Length", "5"}}) ==
        std::string("GET /a?x=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n") + kOwnOfRequest);
}

TEST_CASE("a target is told a host, also where a client of HTTP/1.0 says none") {
  CHECK(request_of({{"A", "1"}}) ==
        std::string("GET /a?x=1 HTTP/1.1\r\nHost: 127.0.0.1:18101\r\nA: 1\r\n") + kOwnOfRequest);
}

TEST_CASE("what is between two neighbours only isn't passed on") {
  CHECK(request_of({{"Host", "h"},
                    {"Connection", "close, X-Mine , keep-alive"},
                    {"X-Mine", "1"},
                    {"X-Mine-Too", "2"},
                    {"Keep-Alive", "timeout=5"},
                    {"Proxy-Connection", "x"},
                    {"TE", "trailers"},
                    {"Expect", "100-continue"},
                    {"Upgrade", "h2c"},
                    {"x-mine", "3"},
                    {"Transfer-Encoding", "chunked"}}) ==
        std::string("GET /a?x=1 HTTP/1.1\r\nHost: h\r\nX-Mine-Too: 2\r\n"
                    "Transfer-Encoding: chunked\r\n") +
            kOwnOfRequest);
}

TEST_CASE("a change of protocol is asked for in the gateway's own words") {
  const std::string text = request_of({{"connection", "Upgrade"}, {"upgrade", "websocket"}});
  CHECK(text.ends_with("Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"));
}

TEST_CASE("an answer begins with this hop's headers, those of the next hop follow") {
  Head head(kNames, false);
  head.on_head();
  head.on_header("X-Forwarded-For", "interim");
  head.on_head();
  head.on_header("X-Forwarded-For", "gw-b");
  head.on_header("Content-Length", "2");
  head.on_header("Connection", "close");
  head.finish();
  std::string text;
  append_answer_head(text, 200, wire::http1::reason_phrase(200), head, kNames, kHop, "close",
                     false);
  CHECK(text ==
        "HTTP/1.1 200 OK\r\nX-Forwarded-For: gw-main\r\nX-Final-Host: 127.0.0.1:18101\r\n"
        "X-Forwarded-Host-Gw-Main: 1795524919.7795255\r\nX-Forwarded-For: gw-b\r\n"
        "Content-Length: 2\r\nConnection: close\r\n\r\n");
}

TEST_CASE("for a client that knows no chunks their header goes") {
  Head head(kNames, false);
  head.on_head();
  head.on_header("A", "1");
  head.on_header("transfer-encoding", "chunked");
  head.on_header("B", "2");
  std::string text;
  append_answer_head(text, 200, wire::http1::reason_phrase(200), head, kNames, kHop, {}, true);
  CHECK(text.find("ransfer") == std::string::npos);
  CHECK(text.find("A: 1\r\nB: 2\r\n\r\n") != std::string::npos);
}

TEST_CASE("weights as etcd has them") {
  const auto targets = parse_targets(R"({"ips": ["10.0.0.1:8080", "b:1"], "weights": [3, 0.5]})");
  REQUIRE(targets.ok());
  CHECK(*targets == Targets{{{"10.0.0.1:8080", 3}, {"b:1", 0.5}}, ""});
  CHECK(parse_targets(R"({"ips": [], "weights": []})")->hosts.empty());
  const auto with_policy = parse_targets(R"({"ips": [], "weights": [], "policy": "p2c"})");
  REQUIRE(with_policy.ok());
  CHECK(with_policy->policy == "p2c");
  CHECK(*parse_targets(targets_json(*with_policy)) == *with_policy);
}

TEST_CASE("weights that can't be taken say why") {
  const std::pair<const char*, const char*> cases[] = {
      {"", "isn't JSON"},
      {"[]", "isn't an object"},
      {R"({"weights": []})", "no list of ips"},
      {R"({"ips": [], "weights": {}})", "no list of weights"},
      {R"({"ips": ["a:1", "b:1"], "weights": [1]})", "2 ips have 1 weights"},
      {R"({"ips": ["a:1"], "weights": [-1]})", "a number from 0 up"},
      {R"({"ips": ["a:1"], "weights": ["1"]})", "a number from 0 up"},
      {R"({"ips": [1], "weights": [1]})", "ip 0 isn't text"},
      {R"({"ips": ["a"], "weights": [1]})", "'a'"},
      {R"({"ips": ["a:99999"], "weights": [1]})", "'a:99999'"},
      {R"({"ips": [], "weights": [], "policy": 1})", "policy isn't text"},
      {R"({"ips": [], "weights": [], "policy": "emwa"})", "'ewma'"},
  };
  for (const auto& [json, why] : cases) {
    const auto targets = parse_targets(json);
    REQUIRE_FALSE(targets.ok());
    CAPTURE(targets.error().to_text());
    CHECK(targets.error().why.find(why) != std::string::npos);
  }
  const auto file = parse_weights_file(R"({"f": {"ips": ["a"], "weights": [1]}})", "w.json");
  REQUIRE_FALSE(file.ok());
  CHECK(file.error().where == "w.json");
  CHECK(file.error().why.starts_with("function 'f': "));
}

}  // namespace
}  // namespace galileo::gateway
