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

TEST_CASE("a session remembers that its peer has ended, and what of a request isn't out") {
  Bench ended;
  Exchange exchange;
  ended.begin(exchange);
  ended.peer().send(kAnswer.substr(0, 20));
  CHECK(ended.session->on_readable(true).kind == Kind::kGoesOn);
  ended.peer().send(kAnswer.substr(20));
  CHECK(ended.session->on_readable(false).kind == Kind::kAnswered);
  CHECK_FALSE(ended.session->can_take());

  Bench early;
  early.peer().write_limit = 5;
  early.begin(exchange);
  early.peer().send(kAnswer);  // before it has the request
  CHECK(early.session->on_readable(false).kind == Kind::kAnswered);
  CHECK_FALSE(early.session->can_take());
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

namespace {

// Says what it is told, in one line.
struct Passage final : HttpPassage, wire::http1::HeaderSink {
  explicit Passage(Bench& test) : bench(test) { request_is_whole = true; }
  void on_done() override { FAIL("a session ends no exchange"); }
  HeaderSink& headers() override { return *this; }
  void on_header(std::string_view name, std::string_view value) override {
    seen.append(name).append("=").append(value).append(" ");
  }
  void on_head() override {}
  void on_interim(int interim) override { seen += "interim:" + std::to_string(interim) + " "; }
  void on_head(const Answer& answer) override {
    seen += std::to_string(status) + ":" + std::string(answer.reason);
    seen += answer.chunked ? ":chunked " : answer.until_close ? ":until-close " : " ";
    if (wants_text) capture = &text;
    if (drop_at == "head") bench.session->drop(*this);
  }
  void on_bytes(std::string_view piece) override {
    seen.append("[").append(piece).append("]");
    if (drop_at == piece) bench.session->drop(*this);
  }
  HttpSession::Outcome begin(std::string_view head) {
    const HttpSession::Outcome outcome = bench.begin(*this);
    request.held() += head;
    return outcome;
  }

  Bench& bench;
  std::string seen;
  std::string drop_at = "nowhere";
  bool wants_text = false;
  wire::http1::Capture text{false, 1000, {}, {}};
};

}  // namespace

TEST_CASE("what is passed on comes as it is read: interim answers, the head, the body's bytes") {
  struct Row {
    const char* name;
    std::vector<std::string> reads;
    bool wants_text;
    std::string seen;
  };
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::vector<Row> rows{
      {"a length", {std::string(kAnswer)}, false, "Content-Length=2 200:OK [ok]"},
      {"no body", {"HTTP/1.1 204 No\r\nA: b\r\n\r\n"}, false, "A=b 204:No "},
      {"in pieces",
       {"HTTP/1.1 200 OK\r\nA: b\r\nContent-Le", "ngth: 3\r\n\r\n", "a", "bc"},
       false,
       "A=b Content-Length=3 200:OK [a][bc]"},
      {"after an interim one",
       {"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + std::string(kAnswer)},
       false,
       "Link=x interim:103 Content-Length=2 200:OK [ok]"},
      {"chunks as they came",
       {chunked + "3\r\nabc\r\n", "0\r\n\r\n"},
       false,
       "Transfer-Encoding=chunked 200:OK:chunked [3\r\nabc\r\n][0\r\n\r\n]"},
      {"chunks taken off",
       {chunked + "3\r\nabc\r\n1\r\n", "d\r\n0\r\n\r\n"},
       true,
       "Transfer-Encoding=chunked 200:OK:chunked [abc][d]"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    Bench bench;
    Passage passage(bench);
    passage.wants_text = row.wants_text;
    passage.begin(kRequest);
    bench.session->on_writable();
    HttpSession::Outcome outcome;
    for (const std::string& piece : row.reads) {
      CHECK(outcome.kind == Kind::kGoesOn);
      bench.peer().send(piece);
      outcome = bench.session->on_readable(false);
    }
    CHECK(outcome.kind == Kind::kAnswered);
    CHECK(outcome.exchange == &passage);
    CHECK(passage.seen == row.seen);
    CHECK(bench.session->can_take());
  }
}

TEST_CASE("a request that is passed on leaves in one write, and what is large uncopied") {
  Bench bench;
  Passage passage(bench);
  passage.request_is_whole = false;
  CHECK(passage.begin("head ").kind == Kind::kGoesOn);
  bench.session->pass(passage, "body ");
  CHECK(bench.peer().take().empty());
  CHECK(bench.session->on_writable().kind == Kind::kGoesOn);
  CHECK(bench.peer().take() == "head body ");
  CHECK(passage.request.size() == 0);

  const std::string large(20'000, 'x');
  bench.session->pass(passage, large);
  CHECK(bench.peer().take() == large);
  CHECK(passage.request.in_memory() == 0);

  bench.peer().write_limit = 15'000;  // from here on it takes no more: the rest is kept
  bench.session->pass(passage, large);
  bench.session->pass(passage, "end");
  const std::size_t left = large.size() - bench.peer().written.size();
  CHECK(passage.request.size() == left + 3);
  bench.peer().write_limit = std::size_t(-1);
  CHECK(bench.session->on_writable().kind == Kind::kGoesOn);
  CHECK(bench.peer().take() == large + "end");
  CHECK(passage.request.size() == 0);
}

TEST_CASE("after what was passed on the connection is kept only where both sides are through") {
  struct Row {
    const char* name;
    bool whole;
    bool takes_all;
    std::string more;
    bool can_take;
  };
  const std::vector<Row> rows{
      {"both", true, true, "", true},
      {"the answer came before the request was whole", false, true, "", false},
      {"the answer came before the request was out", true, false, "", false},
      {"bytes beyond the answer", true, true, "x", false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    Bench bench;
    Passage passage(bench);
    passage.request_is_whole = row.whole;
    if (!row.takes_all) bench.peer().write_limit = 5;
    passage.begin(kRequest);
    bench.session->on_writable();
    bench.peer().send(std::string(kAnswer) + row.more);
    CHECK(bench.session->on_readable(false).kind == Kind::kAnswered);
    CHECK(passage.seen == "Content-Length=2 200:OK [ok]");
    CHECK(bench.session->can_take() == row.can_take);
  }
}

TEST_CASE("what ends while it is passed on is whole only where the end of the connection says so") {
  struct Row {
    const char* name;
    std::string answer;
    bool reset;
    Kind kind;
    Failure failure;
  };
  const std::string until_close = "HTTP/1.1 200 OK\r\n\r\nall";
  const std::string cut = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok";
  const std::vector<Row> rows{
      {"a body to the end", until_close, false, Kind::kAnswered, Failure::none},
      {"a reset behind it", until_close, true, Kind::kAnswered, Failure::none},
      {"a length not reached", cut, false, Kind::kBroken, Failure::closed},
      {"a reset within", cut, true, Kind::kBroken, Failure::reset},
      {"a part of a head", "HTTP/1.1 2", false, Kind::kBroken, Failure::closed},
      {"nothing", "", true, Kind::kBroken, Failure::reset},
      {"no HTTP", "What?\r\n", false, Kind::kBroken, Failure::bad_response},
      {"no chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", false,
       Kind::kBroken, Failure::bad_response},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    Bench bench;
    Passage passage(bench);
    passage.begin(kRequest);
    bench.session->on_writable();
    if (!row.answer.empty()) bench.peer().send(row.answer);
    HttpSession::Outcome outcome = bench.session->on_readable(false);
    if (outcome.kind == Kind::kGoesOn) {
      bench.peer().peer_closed = true;
      bench.peer().reset = row.reset;
      outcome = bench.session->on_readable(true);
    }
    CHECK(outcome.kind == row.kind);
    CHECK(outcome.failure == row.failure);
    CHECK_FALSE(bench.session->can_take());
  }
}

TEST_CASE("after a change of protocol all bytes go through, and the connection is of no more use") {
  Bench bench;
  Passage passage(bench);
  passage.begin(kRequest);
  bench.session->on_writable();
  bench.peer().take();
  bench.peer().send("HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\nHTTP/1.1 ");
  CHECK(bench.session->on_readable(false).kind == Kind::kGoesOn);
  bench.peer().send("\r\n\r\n");
  CHECK(bench.session->on_readable(false).kind == Kind::kGoesOn);
  CHECK(passage.seen == "Upgrade=x 101:Switching [HTTP/1.1 ][\r\n\r\n]");
  bench.session->pass(passage, "to the peer");
  bench.session->on_writable();
  CHECK(bench.peer().take() == "to the peer");
  bench.peer().peer_closed = true;
  const HttpSession::Outcome outcome = bench.session->on_readable(true);
  CHECK(outcome.kind == Kind::kBroken);
  CHECK(outcome.failure == Failure::closed);
  CHECK_FALSE(bench.session->can_take());
}

TEST_CASE("a peer that takes no more of what is passed on may have answered before") {
  Bench bench;
  Passage passage(bench);
  passage.request_is_whole = false;
  passage.begin(kRequest);
  bench.session->on_writable();
  bench.peer().send(kAnswer);
  bench.session->pass(passage, "more");
  bench.peer().reset = true;
  CHECK(bench.session->on_writable().kind == Kind::kReadFirst);
  CHECK(passage.request.size() == 0);  // nothing waits for a peer that is gone
  bench.peer().reset = false;
  passage.request_is_whole = true;
  CHECK(bench.session->on_readable(false).kind == Kind::kAnswered);
  CHECK_FALSE(bench.session->can_take());
}

TEST_CASE("who is told of what is passed on may give it up at any point") {
  for (const char* where : {"head", "ok"}) {
    CAPTURE(where);
    Bench bench;
    Passage passage(bench);
    passage.drop_at = where;
    passage.begin(kRequest);
    bench.session->on_writable();
    bench.peer().send(kAnswer);
    CHECK(bench.session->on_readable(false).kind == Kind::kGoesOn);
    CHECK(passage.seen.ends_with(where == std::string("head") ? "200:OK " : "[ok]"));
    CHECK(bench.session->under_way() == nullptr);
    CHECK_FALSE(bench.session->can_take());
  }
}

TEST_CASE("a session passes on one message and asks for another of its own") {
  Bench bench;
  Passage passage(bench);
  passage.begin(kRequest);
  bench.session->on_writable();
  bench.peer().send(kAnswer);
  bench.session->on_readable(false);
  Exchange exchange;
  bench.begin(exchange);
  bench.peer().send(kAnswer);
  CHECK(bench.session->on_readable(false).kind == Kind::kAnswered);
  CHECK(exchange.status == 200);
  CHECK(passage.seen == "Content-Length=2 200:OK [ok]");  // it hears no more
}
