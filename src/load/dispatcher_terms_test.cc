#include <doctest/doctest.h>

#include "load/dispatcher_fixture.h"
#include "load/request_source.h"

namespace galileo::load {
namespace {

using std::chrono::milliseconds;
using wire::Failure;

// One client, each of whose requests says its own terms, in turn; its server's answers are
// scripted.
struct WithTerms : World, RequestSources {
  explicit WithTerms(std::vector<RequestTerms> of_requests) : terms(std::move(of_requests)) {
    sources = this;
    spec.service = "s";
    spec.arrival.parameters = {0.01};
    spec.requests = terms.size();
  }

  struct Source final : RequestSource {
    explicit Source(WithTerms& of) : world(of) {}
    Made make(Turn& turn, MadeRequest& into) override {
      into.method = "GET";
      into.path = "/" + std::to_string(turn.number);
      into.terms = world.terms.at(turn.number - 1);
      return Made::kMade;
    }
    WithTerms& world;
  };
  std::string name() const override { return "terms"; }
  std::unique_ptr<RequestSource> of_client(const ClientPlace&) override {
    return std::make_unique<Source>(*this);
  }

  // The next request that is due, as its server gets it.
  std::string next() {
    if (!dispatcher) begin(spec);
    clock.advance(milliseconds{10});
    timers.run_due(clock.now());
    return got();
  }
  std::string got() {
    if (connector.made() > accepted) connector.at(accepted++).connected();
    return connector.at(connector.made() - 1).take();
  }
  // What comes of it: the request that follows, or nothing.
  std::string answered_by(const std::string& text) {
    connector.at(connector.made() - 1).send(text);
    return got();
  }
  Failure last_failure() const { return traces.all.back().failure; }

  std::vector<RequestTerms> terms;
  ClientSpec spec;
};

std::string answer_of(int status, const std::string& header = "X: y") {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\n" + header + "\r\nContent-Length: 0\r\n\r\n";
}

bool has_line(const std::string& request, const std::string& begin) {
  return request.find("\r\n" + begin) != std::string::npos;
}

TEST_CASE("one request's time-out is its own, and the next has the client's again") {
  RequestTerms hasty;
  hasty.timeout = milliseconds{100};
  WithTerms one({hasty, {}});
  one.next();
  one.clock.advance(milliseconds{101});
  one.timers.run_due(one.clock.now());
  REQUIRE(one.traces.all.size() == 1);
  CHECK(one.last_failure() == Failure::timeout);
  one.got();  // the other one, which was due meanwhile
  one.clock.advance(std::chrono::seconds{59});
  one.timers.run_due(one.clock.now());
  CHECK(one.traces.all.size() == 1);
}

TEST_CASE("one request's redirects are followed and another's aren't, and hops have its time-out") {
  RequestTerms follows;
  follows.redirects_max = 30;
  follows.timeout = milliseconds{500};
  RequestTerms stays;
  stays.redirects_max = 0;
  WithTerms one({follows, stays});
  one.next();
  const std::string hop = one.answered_by(answer_of(302, "Location: /else"));
  CHECK(hop.starts_with("GET /else HTTP/1.1\r\n"));
  one.clock.advance(milliseconds{501});
  one.timers.run_due(one.clock.now());
  REQUIRE(one.traces.all.size() == 1);
  CHECK(one.last_failure() == Failure::timeout);
  one.got();
  CHECK(one.answered_by(answer_of(302, "Location: /else")).empty());
  REQUIRE(one.traces.all.size() == 2);
  CHECK(one.traces.all.back().status == 302);
}

TEST_CASE("what one request calls a success is its own") {
  RequestTerms may_be_absent;
  may_be_absent.ok = *wire::StatusSet::parse("404");
  WithTerms one({may_be_absent, {}});
  one.next();
  one.answered_by(answer_of(404));
  CHECK(one.last_failure() == Failure::none);
  one.next();
  one.answered_by(answer_of(404));
  CHECK(one.last_failure() == Failure::status);
}

TEST_CASE("one request answers a challenge, and its client's next one goes on with the nonce") {
  RequestTerms who;
  who.digest = DigestUser{"u", "p", true};
  WithTerms one({who, {}, who});
  CHECK_FALSE(has_line(one.next(), "Authorization"));
  const std::string challenge = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"";
  CHECK(one.answered_by(answer_of(401, challenge)).find("nc=00000001") != std::string::npos);
  one.answered_by(kAnswer);
  CHECK_FALSE(has_line(one.next(), "Authorization"));
  one.answered_by(answer_of(401, challenge));
  CHECK(one.traces.all.back().status == 401);
  CHECK(one.next().find("nc=00000002") != std::string::npos);
  one.answered_by(kAnswer);
  CHECK(one.traces.all.size() == 3);
}

TEST_CASE("cookies are kept and sent by those requests that say so, and by no other") {
  RequestTerms keeps;
  keeps.keep_cookies = true;
  WithTerms one({keeps, {}, keeps});
  one.next();
  one.answered_by(answer_of(200, "Set-Cookie: a=b"));
  CHECK_FALSE(has_line(one.next(), "Cookie"));
  one.answered_by(answer_of(200, "Set-Cookie: c=d"));
  const std::string third = one.next();
  CHECK(has_line(third, "Cookie: a=b\r\n"));
}

TEST_CASE("a made request says that its connection ends where each has its own, in hops too") {
  for (const bool keep_alive : {true, false}) {
    CAPTURE(keep_alive);
    RequestTerms follows;
    follows.redirects_max = 1;
    WithTerms one({follows});
    one.spec.request.http.keep_alive = keep_alive;
    CHECK(has_line(one.next(), "Connection: close\r\n") == !keep_alive);
    const std::string hop = one.answered_by(answer_of(302, "Location: /else"));
    CHECK(hop.starts_with("GET /else "));
    CHECK(has_line(hop, "Connection: close\r\n") == !keep_alive);
  }
}

TEST_CASE("an answer without a body has one that is empty, whatever it would be packed by") {
  WithTerms one({{}, {}});
  one.options.limits.keep_response = 100;
  one.spec.request.checks = {{"empty", {"body matches ^$"}}};
  const std::string packed = "Content-Encoding: gzip";
  one.next();
  one.answered_by(answer_of(200, packed));
  CHECK(one.last_failure() == Failure::none);
  one.next();
  one.answered_by("HTTP/1.1 304 X\r\n" + packed + "\r\n\r\n");
  CHECK(one.last_failure() == Failure::none);
  CHECK(one.dispatcher->responses_packed() == 0);
  CHECK(one.traces.all.size() == 2);
}

TEST_CASE("a Location leads old clients where Python's requests goes, and others where it says") {
  struct Row {
    const char* location;
    const char* old;
    const char* ours;
  };
  for (const Row& row : {Row{"/%7Ea?b=%7E", "/~a?b=~", "/%7Ea?b=%7E"},
                         {"/a%", "/a%25", "/a%25"},
                         {"http://h/a/../%7E%zz", "/a/../%257E%25zz", "/%7E%25zz"},
                         {"b?", "/b", "/b?"}}) {
    CAPTURE(row.location);
    for (const bool like_requests : {true, false}) {
      RequestTerms follows;
      follows.redirects_max = 1;
      follows.like_requests = like_requests;
      WithTerms one({follows});
      one.next();
      const std::string hop =
          one.answered_by(answer_of(302, std::string("Location: ") + row.location));
      const std::string line = hop.substr(0, hop.find(" HTTP/1.1"));
      CHECK(line == std::string("GET ") + (like_requests ? row.old : row.ours));
    }
  }
}

}  // namespace
}  // namespace galileo::load
