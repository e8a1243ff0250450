// The pool over connections of HTTP/2, whose server is the test.
#include <doctest/doctest.h>

#include <cerrno>
#include <functional>

#include "net/http2_fixture.h"
#include "net/http_pool.h"
#include "net/pipe.h"

using namespace galileo;
using namespace galileo::net;
using wire::Failure;

namespace {

using Streams = std::vector<std::uint32_t>;

constexpr const char* kRequest = "GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\n\r\n";

struct Exchange final : HttpExchange {
  Exchange() {
    bytes = kRequest;
    timeout = std::chrono::seconds{5};
    repeatable = true;
  }
  void on_done() override {
    ++ended;
    if (then) then();
  }
  int ended = 0;
  std::function<void()> then;
};

HttpWay prior_knowledge(std::uint32_t streams = 0, std::uint32_t connections = 0) {
  HttpWay way;
  way.speaks = HttpWay::Speaks::kHttp2;
  way.streams = streams;
  way.connections = connections;
  return way;
}

struct Bench {
  explicit Bench(const HttpWay& way = prior_knowledge(), std::size_t connections_max = 100) {
    HttpPool::Options options;
    options.connections_max = connections_max;
    options.bounds.connect_timeout = std::chrono::seconds{2};
    options.bounds.answer.head_max = 1000;
    options.bounds.answer.body_max = 1000;
    pool = std::make_unique<HttpPool>(clock, timers, connector, options);
    target = &pool->target("h:80", way);
    pool->set_addresses(*target, {*literal_address("127.0.0.1", 80)});
  }
  void pass(Duration time) {
    clock.advance(time);
    timers.run_due(clock.now());
  }
  Exchange& send() {
    exchanges.push_back(std::make_unique<Exchange>());
    pool->send(*exchanges.back(), *target);
    return *exchanges.back();
  }
  // The server's end of a connection that is made now.
  PipeEnd& accept(std::size_t index = 0, const std::string& first = settings()) {
    PipeEnd& end = connector.at(index);
    end.connected();
    if (!first.empty()) end.send(first);
    return end;
  }
  Exchange& at(std::size_t index) { return *exchanges.at(index); }

  ManualClock clock;
  Timers timers;
  PipeConnector connector;
  std::unique_ptr<HttpPool> pool;
  HttpTarget* target = nullptr;
  std::vector<std::unique_ptr<Exchange>> exchanges;
};

Streams asked(PipeEnd& end) {
  return streams_of(frames_of(end.take()), Frame::kHeaders);
}

}  // namespace

TEST_CASE("requests share a connection, which doesn't wait for the server's settings") {
  Bench bench;
  for (int i = 0; i < 3; ++i) bench.send();
  REQUIRE(bench.connector.made() == 1);
  PipeEnd& server = bench.accept(0, "");
  const std::string written = server.take();
  CHECK(written.starts_with(kPreface));
  CHECK(streams_of(frames_of(written), Frame::kHeaders) == Streams{1, 3, 5});
  bench.clock.advance(std::chrono::milliseconds{4});
  server.send(settings() + ok(3) + head(5, "\x8d", true) + ok(1, "three"));
  for (const auto& exchange : bench.exchanges) {
    CHECK(exchange->ended == 1);
    CHECK(exchange->failure == Failure::none);
    CHECK(exchange->protocol == HttpProtocol::kHttp2);
    CHECK(exchange->first_byte - exchange->sent == std::chrono::milliseconds{4});
    CHECK(exchange->queued == kNoDuration);
  }
  CHECK(bench.at(0).status == 200);
  CHECK(bench.at(2).status == 404);
  CHECK(bench.at(0).response_bytes == 9 + 1 + 9 + 5);
  for (const Frame& one : frames_of(written)) {
    if (one.type == Frame::kHeaders && one.stream == 1)
      CHECK(bench.at(0).frame_bytes == 9 + one.payload.size());
  }
  bench.send();
  CHECK(bench.connector.made() == 1);
  CHECK(asked(server) == Streams{7});
}

TEST_CASE("the server's limit of streams holds at each moment, and who waits for one goes first") {
  Bench bench(prior_knowledge(0, 1));
  bench.send();
  PipeEnd& server = bench.accept(0, settings({{kStreamsSetting, 2}}));
  server.take();
  for (int i = 0; i < 3; ++i) bench.send();
  CHECK(asked(server) == Streams{3});
  CHECK(bench.pool->waiting() == 2);
  bench.pass(std::chrono::milliseconds{7});
  server.send(ok(1));
  CHECK(asked(server) == Streams{5});
  CHECK(bench.at(2).queued == std::chrono::milliseconds{7});
  CHECK(bench.at(2).dispatched - bench.at(2).asked == std::chrono::milliseconds{7});
  // Lowered while they run: the next one goes when all but none are over.
  server.send(settings({{kStreamsSetting, 1}}));
  server.send(ok(3));
  CHECK(bench.pool->waiting() == 1);
  server.send(ok(5));
  CHECK(asked(server) == Streams{7});
  // And raised: those that wait go at once.
  for (int i = 0; i < 4; ++i) bench.send();
  CHECK(asked(server).empty());
  server.send(settings({{kStreamsSetting, 4}}));
  CHECK(asked(server) == Streams{9, 11, 13});
  CHECK(bench.pool->waiting() == 1);
  CHECK(bench.connector.made() == 1);
}

TEST_CASE("before the server has said how many it takes a hundred go out") {
  Bench bench(prior_knowledge(0, 1));
  for (int i = 0; i < 130; ++i) bench.send();
  PipeEnd& server = bench.accept(0, "");
  CHECK(asked(server).size() == 100);
  CHECK(bench.pool->waiting() == 30);
  server.send(settings());  // without a limit
  CHECK(asked(server).size() == 30);
}

TEST_CASE("so many streams on so many connections as were asked for, evenly") {
  Bench bench(prior_knowledge(3, 2));
  for (int i = 0; i < 8; ++i) bench.send();
  REQUIRE(bench.connector.made() == 2);
  PipeEnd& one = bench.accept(0);
  PipeEnd& other = bench.accept(1);
  CHECK(asked(one).size() == 3);
  CHECK(asked(other).size() == 3);
  CHECK(bench.pool->waiting() == 2);
  // Where there is room on both they take turns.
  for (const std::uint32_t stream : {1u, 3u, 5u}) {
    one.send(ok(stream));
    other.send(ok(stream));
  }
  CHECK(bench.pool->waiting() == 0);
  one.take();
  other.take();
  for (int i = 0; i < 2; ++i) bench.send();
  CHECK(asked(one).size() == 1);
  CHECK(asked(other).size() == 1);
}

TEST_CASE("connections that share the load are made before any has two requests") {
  Bench bench(prior_knowledge(10, 3));
  for (int i = 0; i < 5; ++i) bench.send();
  REQUIRE(bench.connector.made() == 3);
  CHECK(asked(bench.accept(0)).size() == 2);
  CHECK(asked(bench.accept(1)).size() == 2);
  CHECK(asked(bench.accept(2)).size() == 1);
}

TEST_CASE("without a number of connections another is made when all are full") {
  Bench bench(prior_knowledge(2));
  for (int i = 0; i < 5; ++i) bench.send();
  REQUIRE(bench.connector.made() == 3);
  CHECK(asked(bench.accept(0)).size() == 2);
  CHECK(asked(bench.accept(1)).size() == 2);
  CHECK(asked(bench.accept(2)).size() == 1);
}

TEST_CASE("a connection of its own for each request") {
  HttpWay way = prior_knowledge(10);
  way.closes = true;
  Bench bench(way);
  bench.send();
  bench.send();
  REQUIRE(bench.connector.made() == 2);
  PipeEnd& server = bench.accept(0);
  CHECK(asked(server) == Streams{1});
  server.send(ok(1));
  CHECK(bench.at(0).failure == Failure::none);
  CHECK_FALSE(server.open());
  bench.send();
  CHECK(bench.connector.made() == 3);
}

TEST_CASE(
    "a server that goes: what is above its last stream goes elsewhere, once, the rest is awaited") {
  Bench bench(prior_knowledge(0, 1));
  for (int i = 0; i < 3; ++i) bench.send();
  PipeEnd& old = bench.accept(0);
  old.take();
  // First it says that it will go: nothing new comes.
  old.send(go_away(0x7fffffff));
  bench.send();
  REQUIRE(bench.connector.made() == 2);
  PipeEnd& next = bench.accept(1);
  CHECK(asked(next) == Streams{1});
  CHECK(old.open());
  // Then how far it got.
  old.send(go_away(1));
  CHECK(asked(next) == Streams{3, 5});
  CHECK(old.open());
  next.send(ok(3) + ok(5) + ok(1));
  old.send(ok(1, "late"));
  for (const auto& exchange : bench.exchanges) CHECK(exchange->failure == Failure::none);
  CHECK_FALSE(bench.at(0).retried);
  CHECK(bench.at(1).retried);
  CHECK(bench.at(2).retried);
  CHECK_FALSE(bench.at(3).retried);
  CHECK_FALSE(old.open());
  CHECK(bench.target->open() == 1);
}

TEST_CASE("a refused request is sent once more, on a connection that is new to it") {
  Bench bench(prior_knowledge(0, 2));
  bench.send();
  PipeEnd& first = bench.accept(0);
  first.take();
  first.send(reset(1, 7));
  REQUIRE(bench.connector.made() == 2);
  CHECK(bench.at(0).ended == 0);
  PipeEnd& second = bench.accept(1);
  CHECK(asked(second) == Streams{1});
  SUBCASE("and answered") {
    second.send(ok(1));
    CHECK(bench.at(0).failure == Failure::none);
    CHECK(bench.at(0).retried);
  }
  SUBCASE("and refused again, which is a failure") {
    second.send(reset(1, 7));
    CHECK(bench.at(0).ended == 1);
    CHECK(bench.at(0).failure == Failure::http2_refused);
    CHECK(bench.connector.made() == 2);
    CHECK(second.open());
  }
}

TEST_CASE("a stream that ends badly is that request's failure alone, by who ended it") {
  struct Case {
    std::string said;
    Failure failure;
    std::string why;
  };
  const std::string found = "(found here)";
  const std::string told = "(said by the server)";
  const std::vector<Case> cases{
      {reset(1, 2), Failure::http2_reset, "RST_STREAM INTERNAL_ERROR " + told},
      {reset(1, 8), Failure::http2_reset, "RST_STREAM CANCEL " + told},
      {head(1, kStatus200) + reset(1, 0), Failure::http2_reset, "RST_STREAM NO_ERROR " + told},
      {reset(1, 1), Failure::http2_rejected, "RST_STREAM PROTOCOL_ERROR " + told},
      {reset(1, 3), Failure::http2_rejected, "RST_STREAM FLOW_CONTROL_ERROR " + told},
      {reset(1, 11), Failure::http2_calm, "RST_STREAM ENHANCE_YOUR_CALM " + told},
      {reset(1, 0x77), Failure::http2_reset, "RST_STREAM error 119 " + told},
      {head(1, kStatus200 + literal("Upper", "1")), Failure::http2_broken, found},
      {head(1, literal("x", "no status")), Failure::http2_broken, found},
      {head(1, kStatus200 + literal("content-length", "3")) + data(1, "four"),
       Failure::http2_broken, found},
      {head(1, kStatus200 + literal("x", std::string(120, 'a')) +
                   literal("y", std::string(120, 'b')) + literal("z", std::string(120, 'c')) +
                   literal("u", std::string(120, 'd')) + literal("v", std::string(120, 'e')) +
                   literal("w", std::string(120, 'f')) + literal("s", std::string(120, 'g')) +
                   literal("t", std::string(120, 'h')) + literal("r", std::string(120, 'i'))),
       Failure::head_too_large, ""},
      {head(1, kStatus200) + data(1, std::string(1001, 'x'), false), Failure::body_too_large, ""},
  };
  for (const Case& one : cases) {
    Bench bench(prior_knowledge(0, 1));
    bench.send();
    bench.send();
    PipeEnd& server = bench.accept(0);
    server.take();
    server.send(one.said);
    CAPTURE(one.why);
    CHECK(bench.at(0).ended == 1);
    CHECK(bench.at(0).failure == one.failure);
    CHECK(bench.at(0).why.find(one.why) != std::string::npos);
    CHECK(bench.at(1).ended == 0);
    server.send(ok(3));
    CHECK(bench.at(1).failure == Failure::none);
    CHECK(server.open());
    CHECK(bench.connector.made() == 1);
  }
}

TEST_CASE("what breaks the connection breaks what is under way on it, by who decided it") {
  struct Case {
    std::string said;
    bool closes;
    Failure failure;
    std::string why;
  };
  std::string flood_of_pings;
  std::string flood_of_settings;
  std::string flood_of_empty_data = head(1, kStatus200);
  for (int i = 0; i < 20'000; ++i) {
    flood_of_pings += frame(Frame::kPing, 0, 0, std::string(8, 'p'));
    flood_of_settings += settings();
    flood_of_empty_data += data(1, "", false);
  }
  std::string flood_of_unknown;
  for (int i = 0; i < 200'000; ++i) flood_of_unknown += frame(0x42, 0, 0, "x");
  std::string flood_of_continuations = frame(Frame::kHeaders, 0, 1, kStatus200);
  for (int i = 0; i < 20'000; ++i) flood_of_continuations += frame(Frame::kContinuation, 0, 1, "");
  const std::string begin = settings();
  const std::vector<Case> cases{
      {begin + data(1, "body before a head"), false, Failure::http2_broken, "(found here)"},
      {begin + head(2, kStatus200), false, Failure::http2_broken, "(found here)"},
      {begin + head(99, kStatus200), false, Failure::http2_broken, "(found here)"},
      {begin + head(1, "\xff\xff\xff\xff\xff\xff\xff"), false, Failure::http2_broken,
       "(found here)"},
      {begin + frame(Frame::kSettings, 0, 0, "12345"), false, Failure::http2_broken,
       "(found here)"},
      {begin + frame(Frame::kWindow, 0, 0, number(0)), false, Failure::http2_broken,
       "(found here)"},
      {begin + frame(Frame::kWindow, 0, 0, number(0x7fffffff)) +
           frame(Frame::kWindow, 0, 0, number(0x7fffffff)),
       false, Failure::http2_window, "(found here)"},
      {begin + frame(Frame::kSettings, Frame::kAck, 0, "") +
           frame(Frame::kPushPromise, Frame::kHeadEnd, 1, number(2) + kStatus200),
       false, Failure::http2_broken, "(found here)"},
      {begin + flood_of_pings, false, Failure::http2_flood, "(found here)"},
      {begin + flood_of_settings, false, Failure::http2_flood, "(found here)"},
      {begin + flood_of_empty_data, false, Failure::http2_flood, "(found here)"},
      {begin + flood_of_unknown, false, Failure::http2_flood, "(found here)"},
      {begin + flood_of_continuations, false, Failure::http2_broken, "(found here)"},
      {begin + go_away(3, 1, "bad\x1b news"), true, Failure::http2_rejected,
       "GOAWAY PROTOCOL_ERROR: bad? news (said by the server)"},
      {begin + go_away(3, 11, "too_many_resets"), true, Failure::http2_calm,
       "GOAWAY ENHANCE_YOUR_CALM: too_many_resets (said by the server)"},
      {begin + go_away(3, 2), true, Failure::http2_ended,
       "GOAWAY INTERNAL_ERROR (said by the server)"},
      {begin + go_away(3), true, Failure::closed, ""},
      {begin, true, Failure::closed, ""},
      {"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", true, Failure::not_http2, ""},
      {"SSH-2.0-OpenSSH_9.2p1 Debian\r\n", false, Failure::not_http2, ""},
      {std::string(64, '\0'), false, Failure::not_http2, ""},
      {"HTTP/", false, Failure::not_http2, ""},
      {"", true, Failure::closed, ""},
  };
  for (const Case& one : cases) {
    Bench bench(prior_knowledge(0, 1));
    bench.send();
    bench.send();
    PipeEnd& server = bench.accept(0, "");
    server.take();
    server.send(one.said);
    // What is long is read in turns.
    for (int turn = 0; turn < 20 && server.open(); ++turn) bench.pass(std::chrono::microseconds{1});
    if (one.closes && server.open()) server.close();
    const auto index = &one - cases.data();
    CAPTURE(index);
    for (const auto& exchange : bench.exchanges) {
      CHECK(exchange->ended == 1);
      CHECK(wire::failure_name(exchange->failure) == wire::failure_name(one.failure));
      CHECK(exchange->why.find(one.why) != std::string::npos);
    }
    CHECK_FALSE(server.open());
    CHECK(bench.pool->open_connections() == 0);
    // No more is kept to be said than a few acknowledgements.
    CHECK(server.written.size() < 400'000);
  }
}

TEST_CASE("a server that asks for calm doesn't get at once what it hasn't looked at") {
  Bench bench(prior_knowledge(0, 1));
  for (int i = 0; i < 3; ++i) bench.send();
  PipeEnd& server = bench.accept(0);
  server.send(go_away(1, 11));
  CHECK(bench.at(1).failure == Failure::http2_calm);
  CHECK(bench.at(2).failure == Failure::http2_calm);
  server.send(ok(1));
  CHECK(bench.at(0).failure == Failure::none);
  CHECK(bench.connector.made() == 1);
}

TEST_CASE("many slow PINGs are no flood") {
  Bench bench(prior_knowledge(0, 1));
  bench.send();
  PipeEnd& server = bench.accept(0);
  bench.at(0).timeout = std::chrono::hours{10};
  for (int i = 0; i < 30'000; ++i) {
    bench.clock.advance(std::chrono::milliseconds{1});
    server.send(frame(Frame::kPing, 0, 0, std::string(8, 'p')));
  }
  CHECK(server.open());
  server.send(ok(1));
  CHECK(bench.at(0).failure == Failure::none);
}

TEST_CASE("a time-out resets its stream and leaves the others alone") {
  Bench bench(prior_knowledge(0, 1));
  bench.send();
  PipeEnd& server = bench.accept(0);
  server.take();
  bench.pass(std::chrono::seconds{3});
  bench.send();
  server.send(head(1, kStatus200) + data(1, "part", false));
  bench.pass(std::chrono::seconds{2});
  CHECK(bench.at(0).failure == Failure::timeout);
  CHECK(bench.at(0).response_bytes == 9 + 1 + 9 + 4);
  CHECK(bench.at(1).ended == 0);
  CHECK(streams_of(frames_of(server.take()), Frame::kReset) == Streams{1});
  CHECK(bench.pool->given_up() == 1);
  server.send(data(1, "what was under way") + ok(3));
  CHECK(bench.at(1).failure == Failure::none);
  bench.send();
  CHECK(asked(server) == Streams{5});
}

TEST_CASE("a connection that was silent for a whole time-out gets nothing more") {
  Bench bench(prior_knowledge(0, 1));
  bench.send();
  PipeEnd& server = bench.accept(0);
  server.send(ok(1));
  bench.send();
  bench.pass(std::chrono::seconds{1});
  bench.send();
  bench.pass(std::chrono::seconds{4});
  CHECK(bench.at(1).failure == Failure::timeout);
  bench.send();
  CHECK(bench.connector.made() == 2);
  bench.pass(std::chrono::seconds{1});
  CHECK(bench.at(2).failure == Failure::timeout);
  CHECK_FALSE(server.open());
}

TEST_CASE("answers that are cut by time-outs don't use up the connection's window") {
  Bench bench(prior_knowledge(0, 1));
  bench.pool->target("h:80");
  bench.send();
  PipeEnd& server = bench.accept(0);
  std::uint64_t window = 65'535;  // what the server may send, by RFC 9113
  const std::string part(16'000, 'x');
  std::uint32_t stream = 1;
  for (int i = 0; i < 20'000; ++i, stream += 2) {
    for (const Frame& one : frames_of(server.take())) {
      if (one.type == Frame::kWindow && one.stream == 0) window += number_of(one.payload);
    }
    REQUIRE(window >= part.size());
    window -= part.size();
    Exchange& cut = *bench.exchanges.back();
    server.send(head(stream, kStatus200));
    bench.pool->time_out(cut);
    server.send(data(stream, part, false));  // it is under way when the reset comes
    REQUIRE(cut.failure == Failure::timeout);
    bench.pool->send(cut, *bench.target);
  }
  CHECK(bench.connector.made() == 1);
  server.take();
  server.send(ok(stream));
  CHECK(bench.at(0).failure == Failure::none);
}

TEST_CASE("a request's body goes as the server's windows let it") {
  Bench bench(prior_knowledge(0, 1));
  const std::string body(10, 'b');
  const std::string bytes = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n" + body;
  bench.exchanges.push_back(std::make_unique<Exchange>());
  Exchange& exchange = bench.at(0);
  exchange.bytes = bytes;
  bench.send();
  PipeEnd& server = bench.accept(0, settings({{kWindowSetting, 0}}));
  server.take();
  bench.pool->send(exchange, *bench.target);
  CHECK(asked(server) == Streams{3});
  SUBCASE("and is whole") {
    server.send(frame(Frame::kWindow, 0, 3, number(4)));
    std::vector<Frame> frames = frames_of(server.take());
    REQUIRE(frames.size() == 1);
    CHECK(frames[0].payload == "bbbb");
    CHECK(frames[0].flags == 0);
    server.send(frame(Frame::kWindow, 0, 3, number(100)));
    frames = frames_of(server.take());
    CHECK(frames.at(0).payload == "bbbbbb");
    CHECK(frames.at(0).flags == Frame::kEnd);
    server.send(ok(3));
    CHECK(exchange.failure == Failure::none);
  }
  SUBCASE("and where they stay shut the time-out says so") {
    bench.pass(std::chrono::seconds{5});
    CHECK(exchange.failure == Failure::timeout);
    CHECK(exchange.why == "the server's window for the request's body stayed shut");
    CHECK(bench.at(1).why.empty());
  }
  SUBCASE("and an answer before its end is one") {
    server.send(head(3, kStatus204, true));
    CHECK(exchange.failure == Failure::none);
    CHECK(exchange.status == 204);
    CHECK(streams_of(frames_of(server.take()), Frame::kReset) == Streams{3});
    server.send(ok(1));
    CHECK(bench.at(1).failure == Failure::none);
  }
}

TEST_CASE("an idle connection that turns out closed is nobody's fault") {
  Bench bench(prior_knowledge(0, 1));
  bench.send();
  PipeEnd& server = bench.accept(0);
  server.send(ok(1));
  bench.send();
  bench.send().repeatable = false;
  bench.at(2).repeatable = false;
  server.close();
  CHECK(bench.at(1).ended == 0);
  CHECK(bench.at(2).failure == Failure::closed);
  REQUIRE(bench.connector.made() == 2);
  PipeEnd& next = bench.accept(1);
  next.send(ok(1));
  CHECK(bench.at(1).failure == Failure::none);
  CHECK(bench.at(1).retried);
}

TEST_CASE("those that wait for one connection fail with it, or go to the next address with it") {
  Bench bench(prior_knowledge(0, 1));
  bench.pool->set_addresses(*bench.target,
                            {*literal_address("127.0.0.1", 80), *literal_address("127.0.0.2", 80)});
  for (int i = 0; i < 3; ++i) bench.send();
  bench.connector.at(0).refuse(ECONNREFUSED);
  REQUIRE(bench.connector.made() == 2);
  SUBCASE("which takes them") {
    CHECK(asked(bench.accept(1)).size() == 3);
  }
  SUBCASE("which refuses them too") {
    bench.connector.at(1).refuse(ECONNREFUSED);
    for (const auto& exchange : bench.exchanges) {
      CHECK(exchange->ended == 1);
      CHECK(exchange->failure == Failure::connect_refused);
    }
  }
  SUBCASE("and each may be given up alone") {
    bench.pool->abandon(bench.at(0));
    bench.pool->time_out(bench.at(1));
    CHECK(bench.at(1).failure == Failure::connect_timeout);
    CHECK(asked(bench.accept(1)) == Streams{1});
    CHECK(bench.at(0).ended == 0);
    CHECK(bench.at(2).ended == 0);
  }
}

TEST_CASE("all that is under way ends at once") {
  Bench bench(prior_knowledge(2, 1));
  for (int i = 0; i < 3; ++i) bench.send();
  SUBCASE("before it is connected") {}
  SUBCASE("and after") {
    bench.accept(0);
  }
  bench.pool->end_all(Failure::stopped, Failure::unfinished);
  CHECK(bench.at(0).failure == Failure::unfinished);
  CHECK(bench.at(1).failure == Failure::unfinished);
  CHECK(bench.at(2).failure == Failure::stopped);
  bench.pool->close_idle();
}

TEST_CASE("answers of one read each begin the next request, and all go out in one write") {
  Bench bench(prior_knowledge(4, 1));
  for (int i = 0; i < 4; ++i) bench.send();
  PipeEnd& server = bench.accept(0);
  server.take();
  int sent = 0;
  for (const auto& exchange : bench.exchanges) {
    Exchange* const one = exchange.get();
    one->then = [&bench, &sent, one] {
      if (++sent <= 4) bench.pool->send(*one, *bench.target);
    };
  }
  server.send(ok(1) + ok(3) + ok(5) + ok(7));
  CHECK(asked(server) == Streams{9, 11, 13, 15});
}

TEST_CASE("a server that takes no more bytes is asked nothing more") {
  Bench bench(prior_knowledge(0, 1));
  bench.send();
  PipeEnd& server = bench.accept(0);
  server.take();
  server.write_limit = 0;
  bench.send();
  bench.send();
  CHECK(bench.pool->waiting() == 1);
  server.write_limit = std::size_t(-1);
  server.handler->on_stream({false, true, false});
  CHECK(asked(server) == Streams{3, 5});
  CHECK(bench.pool->waiting() == 0);
}
