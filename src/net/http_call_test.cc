#include "net/http_call.h"

#include <doctest/doctest.h>

#include <cerrno>

#include "net/pipe.h"

using namespace galileo;
using namespace galileo::net;

namespace {

using Within = HttpCall::Within;
using Seconds = std::chrono::seconds;

constexpr std::string_view kHead =
    "HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n";

// A peer over pipes. The loop isn't run: the test says what comes, and moves the timers.
struct Bench {
  explicit Bench(const std::string& host_port = "127.0.0.1:80") {
    auto made = HttpPeer::make(loop, connector, {host_port});
    REQUIRE(made.ok());
    peer = std::move(*made);
  }
  void pass(Duration time) {
    passed += time;
    loop.timers().run_due(loop.clock().now() + passed);
  }

  Loop loop;
  PipeConnector connector;
  std::unique_ptr<HttpPeer> peer;
  Duration passed{};
};

struct Heard {
  HttpCall::Handlers handlers() {
    return {[this](int status, std::string_view piece) {
              pieces += std::to_string(status) + ":" + std::string(piece) + " ";
            },
            [this](const Result<int>& status) {
              ++ended;
              end = status.ok() ? std::to_string(*status) : status.error().why;
            }};
  }
  std::string pieces;
  std::string end;
  int ended = 0;
};

}  // namespace

TEST_CASE("a call's answer comes in pieces as it arrives, and its connection serves the next one") {
  Bench bench;
  Heard heard;
  HttpCall call(*bench.peer, Seconds{5}, Within::kAnswer);
  call.start("GET / HTTP/1.1\r\n\r\n", heard.handlers());
  bench.connector.at(0).connected();
  CHECK(bench.connector.at(0).take() == "GET / HTTP/1.1\r\n\r\n");
  bench.connector.at(0).send(std::string(kHead) + "1\r\na\r\n");
  bench.connector.at(0).send("2\r\nb");
  CHECK(heard.ended == 0);
  bench.connector.at(0).send("c\r\n0\r\n\r\n");
  CHECK(heard.pieces == "200:a 200:b 200:c ");
  CHECK(heard.end == "200");
  CHECK(call.headers().front().second == "b");

  HttpCall next(*bench.peer, Seconds{5}, Within::kAnswer);
  next.start("x", heard.handlers());
  CHECK(bench.connector.made() == 1);
  CHECK(bench.connector.at(0).take() == "x");
}

TEST_CASE("a peer whose address is given is asked there, zone and all, whatever its name") {
  Loop loop;
  PipeConnector connector;
  HttpPeer::Options options{"no-such-name.invalid:81"};
  options.address = *literal_address("fe80::1%7", 81);
  const auto peer = HttpPeer::make(loop, connector, options);
  REQUIRE(peer.ok());
  Heard heard;
  HttpCall call(**peer, Seconds{5}, Within::kAnswer);
  call.start("x", heard.handlers());
  REQUIRE(connector.made() == 1);
  const Address& asked = connector.at(0).address;
  CHECK(asked.to_text() == "[fe80::1]:81");
  CHECK(reinterpret_cast<const sockaddr_in6*>(asked.raw())->sin6_scope_id == 7);
  connector.at(0).connected();
  CHECK(connector.at(0).take() == "x");
}

TEST_CASE("a call tells of its answer's head once, before any of its body") {
  Bench bench;
  Heard heard;
  HttpCall call(*bench.peer, Seconds{5}, Within::kHead);
  HttpCall::Handlers handlers = heard.handlers();
  handlers.on_head = [&](int status) { heard.pieces += "head:" + std::to_string(status) + " "; };
  call.start("x", std::move(handlers));
  bench.connector.at(0).connected();
  bench.connector.at(0).send("HTTP/1.1 103 Early\r\n\r\n");
  bench.connector.at(0).send(kHead.substr(0, 20));
  CHECK(heard.pieces.empty());
  bench.connector.at(0).send(kHead.substr(20));
  CHECK(heard.pieces == "head:200 ");
  bench.connector.at(0).send("1\r\na\r\n");
  bench.connector.at(0).send("0\r\n\r\n");
  CHECK(heard.pieces == "head:200 200:a ");
  CHECK(heard.end == "200");
}

TEST_CASE("a call that finds its kept connection closed is sent again, unseen, on another") {
  Bench bench;
  Heard heard;
  HttpCall call(*bench.peer, Seconds{5}, Within::kAnswer);
  call.start("x", heard.handlers());
  bench.connector.at(0).connected();
  bench.connector.at(0).send("HTTP/1.1 204 No Content\r\n\r\n");
  CHECK(heard.end == "204");
  bench.connector.at(0).peer_closed = true;  // not yet noticed
  HttpCall next(*bench.peer, Seconds{5}, Within::kAnswer);
  next.start("y", heard.handlers());
  CHECK(bench.connector.made() == 2);
  bench.connector.at(1).connected();
  CHECK(bench.connector.at(1).take() == "y");
  CHECK(heard.ended == 1);
}

TEST_CASE("what a call's time is for") {
  struct Row {
    const char* name;
    Within within;
    std::string end;  // long after the last piece
  };
  const std::vector<Row> rows{{"the answer", Within::kAnswer, "no answer within 5.00s"},
                              {"the head", Within::kHead, ""},
                              {"a piece", Within::kPiece, "no answer within 5.00s"}};
  for (const Row& row : rows) {
    CAPTURE(row.name);
    Bench bench;
    Heard heard;
    HttpCall call(*bench.peer, Seconds{5}, row.within);
    call.start("x", heard.handlers());
    bench.connector.at(0).connected();
    const Time due = bench.loop.timers().next_due();
    bench.connector.at(0).send(kHead);
    CHECK((bench.loop.timers().next_due() == kNever) == (row.within == Within::kHead));
    bench.connector.at(0).send("1\r\na\r\n");
    CHECK((bench.loop.timers().next_due() == due) == (row.within == Within::kAnswer));
    CHECK(heard.ended == 0);
    bench.pass(Seconds{6});
    CHECK(heard.end == row.end);
    CHECK(bench.connector.at(0).open() == row.end.empty());
  }
  for (const Within within : {Within::kAnswer, Within::kHead, Within::kPiece}) {
    Bench bench;
    Heard heard;
    HttpCall call(*bench.peer, Seconds{5}, within);
    call.start("x", heard.handlers());
    bench.pass(Seconds{6});  // not even a connection
    CHECK(heard.end == "no answer within 5.00s");
    CHECK(heard.ended == 1);
  }
}

TEST_CASE("a call says why there is no answer") {
  struct Row {
    std::string why;
    void (*happens)(PipeEnd& end);
  };
  const std::vector<Row> rows{
      {"Connection refused", [](PipeEnd& end) { end.refuse(ECONNREFUSED); }},
      {"the connection was closed",
       [](PipeEnd& end) {
         end.connected();
         end.close();
       }},
      {"Connection reset by peer",
       [](PipeEnd& end) {
         end.connected();
         end.break_off();
       }},
      {"its answer is no HTTP",
       [](PipeEnd& end) {
         end.connected();
         end.send("What?\r\n");
       }},
  };
  for (const Row& row : rows) {
    Bench bench;
    Heard heard;
    HttpCall call(*bench.peer, Seconds{5}, Within::kAnswer);
    call.start("x", heard.handlers());
    row.happens(bench.connector.at(0));
    CHECK(heard.end == row.why);
    CHECK(heard.ended == 1);
  }
  Bench nowhere("no:such:place");
  Heard heard;
  HttpCall call(*nowhere.peer, Seconds{5}, Within::kAnswer);
  call.start("x", heard.handlers());
  CHECK(heard.end == "its name can't be resolved");
  Bench poor;
  poor.connector.refuse_at_once = EMFILE;
  HttpCall other(*poor.peer, Seconds{5}, Within::kAnswer);
  other.start("x", heard.handlers());
  CHECK(heard.end == "Too many open files");
}

TEST_CASE("a call that is given up says nothing more, and its connection goes") {
  Bench bench;
  Heard heard;
  {
    HttpCall call(*bench.peer, Seconds{5}, Within::kHead);
    call.start("x", heard.handlers());
    bench.connector.at(0).connected();
    bench.connector.at(0).send(kHead);
  }
  CHECK_FALSE(bench.connector.at(0).open());
  bench.pass(Seconds{6});
  CHECK(heard.ended == 0);
}
