#include <doctest/doctest.h>

#include "load/dispatcher_fixture.h"

namespace galileo::load {
namespace {

using std::chrono::milliseconds;
using wire::Failure;

std::string challenge(const std::string& more = "nonce=\"n\", qop=\"auth\"") {
  return "HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm=\"r\", " + more +
         "\r\nContent-Length: 0\r\n\r\n";
}

std::string with_header(const std::string& header, int status = 200) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\n" + header + "\r\nContent-Length: 0\r\n\r\n";
}

// One client, whose server's answers are scripted.
struct Identified : World {
  explicit Identified(std::uint64_t number = 1) {
    spec.service = "s";
    spec.arrival.parameters = {0.01};
    spec.requests = number;
  }
  void with_digest(bool keep) { spec.request.digest = DigestUser{"u", "p", keep}; }
  // The next request that is due.
  std::string next() {
    if (traces.all.empty() && !dispatcher) begin(spec);
    clock.advance(milliseconds{10});
    timers.run_due(clock.now());
    return take();
  }
  std::string take() {
    if (connector.made() > accepted) connector.at(accepted++).connected();
    return connector.at(connector.made() - 1).take();
  }
  void answer_with(const std::string& text) { connector.at(connector.made() - 1).send(text); }
  ClientSpec spec;
};

std::string value(const std::string& request, const std::string& name) {
  const std::size_t at = request.find(name + ": ");
  if (at == std::string::npos) return {};
  const std::size_t begin = at + name.size() + 2;
  return request.substr(begin, request.find("\r\n", begin) - begin);
}

TEST_CASE("a challenge is answered: two on the wire, one trace with the bytes of both") {
  Identified one;
  one.with_digest(false);
  const std::string first = one.next();
  CHECK(value(first, "Authorization").empty());
  one.clock.advance(milliseconds{5});
  one.answer_with(challenge());
  CHECK(one.traces.all.empty());
  const std::string second = one.take();
  const std::string header = value(second, "Authorization");
  CHECK(
      header.starts_with("Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"/\", response="));
  CHECK(header.find("nc=00000001") != std::string::npos);
  one.clock.advance(milliseconds{5});
  one.answer_with(kAnswer);
  REQUIRE(one.traces.all.size() == 1);
  const wire::Trace& trace = one.traces.all[0];
  CHECK(trace.status == 200);
  CHECK(trace.failure == Failure::none);
  CHECK(trace.request_bytes == first.size() + second.size());
  CHECK(trace.response_bytes == challenge().size() + std::string(kAnswer).size());
  CHECK(trace.done - trace.sent == milliseconds{10});
  CHECK(one.dispatcher->ledger().sent == 1);
}

TEST_CASE("a wrong password is an answer of 401, asked no more than twice") {
  Identified one;
  one.with_digest(false);
  one.next();
  one.answer_with(challenge());
  one.take();
  one.answer_with(challenge("nonce=\"m\", qop=\"auth\""));
  REQUIRE(one.traces.all.size() == 1);
  CHECK(one.traces.all[0].status == 401);
  CHECK(one.traces.all[0].failure == Failure::status);
}

TEST_CASE("a nonce that is too old is answered once more, and no oftener") {
  Identified one;
  one.with_digest(false);
  one.next();
  one.answer_with(challenge());
  one.take();
  const std::string stale = challenge("nonce=\"m\", qop=\"auth\", stale=true");
  one.answer_with(stale);
  CHECK(value(one.take(), "Authorization").find("nonce=\"m\"") != std::string::npos);
  one.answer_with(stale);
  REQUIRE(one.traces.all.size() == 1);
  CHECK(one.traces.all[0].status == 401);
}

TEST_CASE("a kept nonce is used by the requests that follow, and its count grows") {
  Identified one(3);
  one.with_digest(true);
  one.next();
  one.answer_with(challenge());
  CHECK(value(one.take(), "Authorization").find("nc=00000001") != std::string::npos);
  one.answer_with(kAnswer);
  const std::string second = one.next();
  CHECK(value(second, "Authorization").find("nc=00000002") != std::string::npos);
  one.answer_with(kAnswer);
  one.next();
  one.answer_with(challenge("nonce=\"m\", qop=\"auth\", stale=true"));
  const std::string header = value(one.take(), "Authorization");
  CHECK(header.find("nonce=\"m\"") != std::string::npos);
  CHECK(header.find("nc=00000001") != std::string::npos);
  one.answer_with(kAnswer);
  REQUIRE(one.traces.all.size() == 3);
  for (const wire::Trace& trace : one.traces.all) CHECK(trace.status == 200);
}

TEST_CASE("nothing is answered where nobody said who asks, nor to another host") {
  Identified nobody;
  nobody.next();
  nobody.answer_with(challenge());
  REQUIRE(nobody.traces.all.size() == 1);
  CHECK(nobody.traces.all[0].status == 401);
  Identified led;
  led.with_digest(false);
  led.spec.request.redirects_max = 5;
  led.next();
  led.answer_with(with_header("Location: http://127.0.0.2:8080/x", 302));
  CHECK(led.take().starts_with("GET /x "));
  led.answer_with(challenge());
  REQUIRE(led.traces.all.size() == 1);
  CHECK(led.traces.all[0].status == 401);
}

TEST_CASE("the time-out of a request is for the challenge and its answer together") {
  Identified one;
  one.with_digest(false);
  one.spec.request.timeout = std::chrono::seconds{1};
  one.next();
  one.clock.advance(milliseconds{900});
  one.answer_with(challenge());
  one.take();
  one.clock.advance(milliseconds{101});
  one.timers.run_due(one.clock.now());
  REQUIRE(one.traces.all.size() == 1);
  CHECK(one.traces.all[0].failure == Failure::timeout);
}

TEST_CASE("cookies are kept by client where it says so, until they expire, and else not") {
  for (const bool keep : {true, false}) {
    CAPTURE(keep);
    Identified one(4);
    one.spec.request.keep_cookies = keep;
    one.spec.request.headers = {{"Cookie", "given=1"}};
    CHECK(value(one.next(), "Cookie") == "given=1");
    one.answer_with(with_header("Set-Cookie: k=v; Max-Age=1\r\nSet-Cookie: l=w; Path=/else"));
    CHECK(value(one.next(), "Cookie") == (keep ? "given=1; k=v" : "given=1"));
    one.answer_with(with_header("Set-Cookie: given=2"));
    CHECK(value(one.next(), "Cookie") == (keep ? "k=v; given=2" : "given=1"));
    one.answer_with(kAnswer);
    one.clock.advance(std::chrono::seconds{2});
    CHECK(value(one.next(), "Cookie") == (keep ? "given=2" : "given=1"));
    one.answer_with(kAnswer);
    CHECK(one.traces.all.size() == 4);
  }
}

TEST_CASE("what a request calls a success is one, whatever fails otherwise") {
  for (const auto& [status, failure] :
       {std::pair{404, Failure::none}, std::pair{200, Failure::status},
        std::pair{302, Failure::status}}) {
    CAPTURE(status);
    Identified one;
    one.spec.request.ok = *wire::StatusSet::parse("404, 204");
    one.next();
    one.answer_with(with_header("X: y", status));
    REQUIRE(one.traces.all.size() == 1);
    CHECK(one.traces.all[0].failure == failure);
    CHECK(one.traces.all[0].status == status);
  }
}

}  // namespace
}  // namespace galileo::load
