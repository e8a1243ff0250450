#include "net/http1_session.h"

#include <doctest/doctest.h>

#include "net/pipe.h"

using namespace galileo;
using namespace galileo::net;
using wire::Failure;
using Kind = HttpSession::Outcome::Kind;

namespace {

constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

struct Exchange final : HttpExchange {
  Exchange() { bytes = kRequest; }
  void on_done() override { FAIL("a session ends no exchange"); }
};

struct Nobody final : StreamHandler {
  void on_stream(StreamEvents) override {}
};

// A session over a pipe; the test does what a pool does.
struct Bench {
  Bench() {
    int error = 0;
    stream = connector.connect(Address(), nobody, error);
    session = std::make_unique<Http1Session>(*stream, clock, std::span(buffer));
  }
  PipeEnd& peer() { return connector.at(0); }
  HttpSession::Outcome begin(HttpExchange& exchange) { return session->begin(exchange, {}); }

  ManualClock clock;
  Nobody nobody;
  PipeConnector connector;
  std::unique_ptr<Stream> stream;
  char buffer[1024];
  std::unique_ptr<HttpSession> session;
};

}  // namespace

TEST_CASE("a session takes one exchange, and the next one once that is answered") {
  Bench bench;
  CHECK(bench.session->can_take());
  Exchange first;
  CHECK(bench.begin(first).kind == Kind::kGoesOn);
  CHECK(bench.peer().take() == kRequest);
  CHECK_FALSE(bench.session->can_take());
  CHECK(bench.session->under_way() == &first);
  CHECK(bench.session->on_readable(false).kind == Kind::kGoesOn);  // nothing there yet
  bench.peer().send(kAnswer);
  const HttpSession::Outcome outcome = bench.session->on_readable(false);
  CHECK(outcome.kind == Kind::kAnswered);
  CHECK(outcome.exchange == &first);
  CHECK_FALSE(outcome.more);
  CHECK(first.status == 200);
  CHECK(first.response_bytes == kAnswer.size());
  CHECK(bench.session->under_way() == nullptr);
  CHECK(bench.session->can_take());
}

TEST_CASE("a session is of no more use after an answer that leaves its connection unclean") {
  struct Row {
    const char* name;
    std::string answer;
    bool closed;
    bool can_take;
  };
  const std::string answer(kAnswer);
  const std::vector<Row> rows{
      {"clean", answer, false, true},
      {"the peer has ended its side", answer, true, false},
      {"bytes beyond the answer", answer + "x", false, false},
      {"it says so", "HTTP/1.1 204 No\r\nConnection: close\r\n\r\n", false, false},
      {"an older protocol", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", false, false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    Bench bench;
    Exchange exchange;
    bench.begin(exchange);
    bench.peer().send(row.answer);
    CHECK(bench.session->on_readable(row.closed).kind == Kind::kAnswered);
    CHECK(bench.session->can_take() == row.can_take);
  }
}

TEST_CASE("a session says how its connection broke") {
  struct Row {
    const char* name;
    std::string answer;
    bool reset;
    bool asked;
    Failure failure;
  };
  const std::vector<Row> rows{
      {"no answer", "", false, true, Failure::closed},
      {"a part of one", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", false, true,
       Failure::closed},
      {"a reset", "HTTP/1.1 200 OK\r\n", true, true, Failure::reset},
      {"no HTTP", "What?\r\n", false, true, Failure::bad_response},
      {"talk without being asked", std::string(kAnswer), false, false, Failure::bad_response},
      {"an end while idle", "", false, false, Failure::closed},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    Bench bench;
    Exchange exchange;
    if (row.asked) bench.begin(exchange);
    bench.peer().to_read = row.answer;
    bench.peer().peer_closed = true;
    bench.peer().reset = row.reset;
    HttpSession::Outcome outcome;
    do outcome = bench.session->on_readable(true);
    while (outcome.kind == Kind::kGoesOn && outcome.more);
    CHECK(outcome.kind == Kind::kBroken);
    CHECK(outcome.failure == row.failure);
    CHECK(bench.session->under_way() == (row.asked ? &exchange : nullptr));
  }
}

TEST_CASE("what can't be written to its end is read first; what can't be begun is broken") {
  Bench bench;
  Exchange exchange;
  bench.peer().write_limit = 5;
  CHECK(bench.begin(exchange).kind == Kind::kGoesOn);
  bench.peer().reset = true;
  CHECK(bench.session->on_writable().kind == Kind::kReadFirst);

  Bench other;
  other.peer().reset = true;
  const HttpSession::Outcome outcome = other.begin(exchange);
  CHECK(outcome.kind == Kind::kBroken);
  CHECK(outcome.failure == Failure::reset);
}

TEST_CASE("an exchange that is dropped is forgotten, and the connection with it") {
  Bench bench;
  Exchange exchange;
  bench.begin(exchange);
  bench.peer().send(kAnswer.substr(0, 20));
  bench.session->on_readable(false);
  CHECK(bench.session->drop(exchange) == 20);
  CHECK(bench.session->under_way() == nullptr);
  CHECK_FALSE(bench.session->can_take());
  CHECK(bench.session->on_writable().kind == Kind::kGoesOn);
}

TEST_CASE("a body comes in pieces with the status, and who takes one may give up the exchange") {
  struct Pieces final : HttpExchange {
    explicit Pieces(Bench& test) : bench(test) {
      bytes = kRequest;
      capture = &captured;
      captured.want_body = 100;
      in_pieces = true;
    }
    void on_done() override { FAIL("a session ends no exchange"); }
    void on_piece(std::string_view body) override {
      seen += std::to_string(status) + ":" + std::string(body) + " ";
      if (body == "end") bench.session->drop(*this);
    }
    Bench& bench;
    wire::http1::Capture captured;
    std::string seen;
  };
  Bench bench;
  Pieces exchange(bench);
  bench.begin(exchange);
  for (const char* piece : {"HTTP/1.1 200 OK\r\n", "Content-Length: 9\r\n\r\nab", "c", "end"}) {
    bench.peer().send(piece);
    CHECK(bench.session->on_readable(false).kind == Kind::kGoesOn);
  }
  CHECK(exchange.seen == "-1: 200:ab 200:c 200:end ");
  CHECK(bench.session->under_way() == nullptr);
  CHECK_FALSE(bench.session->can_take());
}
