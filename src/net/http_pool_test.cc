#include "net/http_pool.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <functional>

#include "net/pipe.h"

using namespace galileo;
using namespace galileo::net;
using wire::Failure;

namespace {

constexpr const char* kRequest = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr const char* kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

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

// A pool over pipes, with a clock and timers that the test moves.
struct Bench {
  explicit Bench(std::size_t connections_max = 100, int addresses = 1) {
    HttpPool::Options options;
    options.connections_max = connections_max;
    options.bounds.connect_timeout = std::chrono::seconds{2};
    options.bounds.answer.head_max = 1000;
    pool = std::make_unique<HttpPool>(clock, timers, connector, options);
    target = &pool->target("h:80");
    std::vector<Address> list;
    for (int i = 0; i < addresses; ++i)
      list.push_back(*literal_address("127.0.0." + std::to_string(i + 1), 80));
    pool->set_addresses(*target, list);
  }
  void pass(Duration time) {
    clock.advance(time);
    timers.run_due(clock.now());
  }
  // Sends on a connection that the test accepts at once.
  void send_connected(Exchange& exchange) {
    const std::size_t before = connector.made();
    pool->send(exchange, *target);
    if (connector.made() > before) connector.at(before).connected();
  }

  ManualClock clock;
  Timers timers;
  PipeConnector connector;
  std::unique_ptr<HttpPool> pool;
  HttpTarget* target = nullptr;
};

}  // namespace

TEST_CASE("a request goes out once connected, and the connection serves the next one") {
  Bench bench;
  Exchange first;
  bench.pool->send(first, *bench.target);
  CHECK(bench.connector.at(0).written.empty());
  bench.clock.advance(std::chrono::milliseconds{3});
  bench.connector.at(0).connected();
  CHECK(bench.connector.at(0).take() == kRequest);
  bench.clock.advance(std::chrono::milliseconds{4});
  bench.connector.at(0).send(kAnswer);
  CHECK(first.ended == 1);
  CHECK(first.failure == Failure::none);
  CHECK(first.status == 200);
  CHECK(first.sent - first.dispatched == std::chrono::milliseconds{3});
  CHECK(first.done - first.sent == std::chrono::milliseconds{4});

  Exchange second;
  bench.pool->send(second, *bench.target);
  CHECK(bench.connector.made() == 1);
  CHECK(bench.connector.at(0).take() == kRequest);
  bench.connector.at(0).send(kAnswer);
  CHECK(second.ended == 1);
  CHECK(second.response_bytes == std::string_view(kAnswer).size());
}

TEST_CASE("an answer in pieces is one answer, its first byte stamped once") {
  Bench bench;
  Exchange exchange;
  bench.send_connected(exchange);
  const std::string_view answer = kAnswer;
  bench.connector.at(0).send(answer.substr(0, 10));
  const Time first = exchange.first_byte;
  bench.clock.advance(std::chrono::milliseconds{1});
  bench.connector.at(0).send(answer.substr(10));
  CHECK(exchange.first_byte == first);
  CHECK(exchange.done - first == std::chrono::milliseconds{1});
}

TEST_CASE("sending from on_done uses the connection that has just become free") {
  Bench bench(1);
  Exchange first;
  Exchange second;
  first.then = [&] { bench.pool->send(second, *bench.target); };
  bench.send_connected(first);
  bench.connector.at(0).send(kAnswer);
  bench.connector.at(0).send(kAnswer);
  CHECK(second.ended == 1);
  CHECK(bench.connector.made() == 1);
}

TEST_CASE("at the cap requests wait in order, and time out with the reason") {
  Bench bench(1);
  Exchange a;
  Exchange b;
  Exchange c;
  bench.send_connected(a);
  bench.pool->send(b, *bench.target);
  bench.pass(std::chrono::seconds{1});
  bench.pool->send(c, *bench.target);
  CHECK(bench.pool->waiting() == 2);
  bench.connector.at(0).send(kAnswer);
  CHECK(a.ended == 1);
  CHECK(b.dispatched == bench.clock.now());
  bench.pass(std::chrono::seconds{4});  // five since b was due, four since it got its connection
  CHECK(b.ended == 0);
  bench.pass(std::chrono::seconds{1});
  CHECK(b.failure == Failure::timeout);
  CHECK(c.failure == Failure::no_connection);  // had waited as long as it may
}

TEST_CASE("a request that never got a connection is not sent") {
  Bench bench(1);
  Exchange a;
  Exchange b;
  a.timeout = std::chrono::seconds{60};
  bench.send_connected(a);
  bench.pool->send(b, *bench.target);
  bench.pass(std::chrono::seconds{5});
  CHECK(b.failure == Failure::no_connection);
  CHECK(b.sent == kNever);
  CHECK(b.dispatched == kNever);
}

TEST_CASE("an idle connection that turns out closed is replaced once, unseen") {
  Bench bench;
  Exchange first;
  bench.send_connected(first);
  bench.connector.at(0).send(kAnswer);
  bench.connector.at(0).peer_closed = true;  // not yet noticed
  Exchange second;
  bench.send_connected(second);
  CHECK(bench.connector.made() == 2);
  CHECK(bench.connector.at(1).take() == kRequest);
  CHECK(second.retried);
  bench.connector.at(1).close();
  CHECK(second.ended == 1);
  CHECK(second.failure == Failure::closed);  // not a second time
}

TEST_CASE("what isn't safe to repeat, or was partly answered, isn't sent again") {
  Bench bench;
  Exchange first;
  bench.send_connected(first);
  bench.connector.at(0).send(kAnswer);
  Exchange post;
  post.repeatable = false;
  bench.pool->send(post, *bench.target);
  bench.connector.at(0).close();
  CHECK(post.failure == Failure::closed);
  CHECK_FALSE(post.retried);

  Exchange third;
  bench.send_connected(third);
  bench.connector.at(1).send(kAnswer);
  Exchange partly;
  bench.pool->send(partly, *bench.target);
  bench.connector.at(1).send("HTTP/1.1 200 OK\r\n");
  bench.connector.at(1).break_off();
  CHECK(partly.failure == Failure::reset);
  CHECK_FALSE(partly.retried);
}

TEST_CASE("the ways a connection can't be made have names of their own") {
  Bench bench;
  Exchange refused;
  bench.pool->send(refused, *bench.target);
  bench.connector.at(0).refuse(ECONNREFUSED);
  CHECK(refused.failure == Failure::connect_refused);
  CHECK(refused.sent != kNever);
  Exchange slow;
  bench.pool->send(slow, *bench.target);
  bench.pass(std::chrono::seconds{2});
  CHECK(slow.failure == Failure::connect_timeout);
  bench.connector.refuse_at_once = EMFILE;
  Exchange none;
  bench.pool->send(none, *bench.target);
  CHECK(none.failure == Failure::no_socket);
  CHECK(none.sent == kNever);
  Exchange nowhere;
  bench.pool->send(nowhere, bench.pool->target("other:80"));
  CHECK(nowhere.failure == Failure::no_address);
  CHECK(bench.pool->open_connections() == 0);
}

TEST_CASE("the next address of a name is tried when one refuses") {
  Bench bench(10, 3);
  Exchange exchange;
  bench.pool->send(exchange, *bench.target);
  bench.connector.at(0).refuse(ECONNREFUSED);
  bench.connector.at(1).refuse(ECONNREFUSED);
  bench.connector.at(2).connected();
  bench.connector.at(2).send(kAnswer);
  CHECK(exchange.status == 200);
  CHECK(bench.connector.at(2).address.to_text() == "127.0.0.3:80");
  CHECK(bench.pool->open_connections() == 1);
}

TEST_CASE("garbage, headers without an end, and talk without being asked end the connection") {
  Bench bench;
  Exchange garbage;
  bench.send_connected(garbage);
  bench.connector.at(0).send("What?\r\n");
  CHECK(garbage.failure == Failure::bad_response);
  Exchange endless;
  bench.send_connected(endless);
  bench.connector.at(1).send("HTTP/1.1 200 OK\r\nX: " + std::string(2000, 'x'));
  CHECK(endless.failure == Failure::head_too_large);
  Exchange fine;
  bench.send_connected(fine);
  bench.connector.at(2).send(std::string(kAnswer) + "extra");
  CHECK(fine.status == 200);
  CHECK_FALSE(bench.connector.at(2).open());
}

TEST_CASE("a body that the connection's end ends, and Connection: close") {
  Bench bench;
  Exchange until;
  bench.send_connected(until);
  bench.connector.at(0).send("HTTP/1.1 200 OK\r\n\r\nall");
  CHECK(until.ended == 0);
  bench.connector.at(0).close();
  CHECK(until.status == 200);
  Exchange closing;
  bench.send_connected(closing);
  bench.connector.at(1).send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  CHECK(closing.status == 200);
  CHECK_FALSE(bench.connector.at(1).open());
  CHECK(bench.pool->open_connections() == 0);
}

TEST_CASE("a long answer is read in turns, between which others and deadlines have theirs") {
  Bench bench;
  constexpr std::size_t kMebibyte = std::size_t{1} << 20;
  Exchange exchange;
  bench.send_connected(exchange);
  bench.connector.at(0).send("HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n" +
                             std::string(kMebibyte, 'x'));
  CHECK(exchange.ended == 0);
  CHECK(bench.connector.at(0).to_read.size() > kMebibyte / 2);
  // What is due in between comes first; what comes meanwhile changes nothing.
  bool between = false;
  Timer other([&](Time) { between = bench.connector.at(0).to_read.size() > kMebibyte / 2; });
  bench.timers.set(other, bench.clock.now());
  bench.connector.at(0).send("");
  int turns = 0;
  for (; exchange.ended == 0 && turns < 20; ++turns) bench.pass(Duration{1});
  CHECK(between);
  CHECK(turns > 1);
  CHECK(exchange.failure == Failure::none);
  CHECK(exchange.response_bytes > kMebibyte);
  // It is used again, and one that never ends is ended by its deadline.
  Exchange endless;
  bench.pool->send(endless, *bench.target);
  CHECK(bench.connector.made() == 1);
  bench.connector.at(0).send("HTTP/1.1 200 OK\r\n\r\n");
  for (int i = 0; i < 100 && endless.ended == 0; ++i) {
    if (bench.connector.at(0).open()) bench.connector.at(0).send(std::string(kMebibyte, 'x'));
    bench.pass(std::chrono::milliseconds{100});
  }
  CHECK(endless.ended == 1);
  CHECK(endless.failure == Failure::timeout);
  bench.pass(Duration{1});  // nothing is left to be read on
}

TEST_CASE("what was left for the next turn is read to its end where the peer has closed") {
  Bench bench;
  Exchange exchange;
  bench.send_connected(exchange);
  PipeEnd& peer = bench.connector.at(0);
  peer.send("HTTP/1.1 200 OK\r\n\r\n" + std::string(std::size_t{1} << 20, 'x'));
  peer.close();
  peer.send("");  // it can be read, which says nothing about its end
  for (int i = 0; i < 20 && exchange.ended == 0; ++i) bench.pass(Duration{1});
  CHECK(exchange.failure == Failure::none);
  CHECK(exchange.response_bytes > std::size_t{1} << 20);
  CHECK(bench.pool->open_connections() == 0);
}

TEST_CASE("a long request is written as the socket takes it") {
  Bench bench;
  const std::string body = "POST / HTTP/1.1\r\n\r\n" + std::string(100, 'b');
  Exchange exchange;
  exchange.bytes = body;
  bench.pool->send(exchange, *bench.target);
  PipeEnd& end = bench.connector.at(0);
  end.write_limit = 30;
  end.connected();
  std::string seen;
  for (int i = 0; i < 10 && seen.size() < body.size(); ++i) {
    seen += end.take();
    end.connected();  // writable again
  }
  CHECK(seen == body);
  end.send(kAnswer);
  CHECK(exchange.status == 200);
}

TEST_CASE("ending all ends each exchange once, with the reason of its place") {
  Bench bench(1);
  Exchange in_flight;
  Exchange waiting;
  bench.send_connected(in_flight);
  bench.pool->send(waiting, *bench.target);
  bench.pool->end_all(Failure::stopped, Failure::unfinished);
  CHECK(in_flight.failure == Failure::unfinished);
  CHECK(waiting.failure == Failure::stopped);
  CHECK(in_flight.ended + waiting.ended == 2);
  CHECK(bench.pool->open_connections() == 0);
  bench.pass(std::chrono::seconds{60});
  CHECK(in_flight.ended + waiting.ended == 2);
}

TEST_CASE("an idle connection to one host gives way to a request for another") {
  Bench bench(1);
  Exchange first;
  bench.send_connected(first);
  bench.connector.at(0).send(kAnswer);
  HttpTarget& other = bench.pool->target("other:80");
  bench.pool->set_addresses(other, {*literal_address("127.0.0.9", 80)});
  Exchange second;
  bench.pool->send(second, other);
  CHECK(bench.connector.made() == 2);
  CHECK_FALSE(bench.connector.at(0).open());
}

TEST_CASE("one that waits can be ended alone; one that was sent is left to its answer") {
  Bench bench(1);
  Exchange in_flight;
  Exchange first;
  Exchange second;
  bench.send_connected(in_flight);
  bench.pool->send(first, *bench.target);
  bench.pool->send(second, *bench.target);
  CHECK(first.waiting());
  bench.pool->end_waiting(first, Failure::stopped);
  bench.pool->end_waiting(in_flight, Failure::stopped);
  CHECK(first.ended == 1);
  CHECK(first.failure == Failure::stopped);
  CHECK(first.dispatched == kNever);
  CHECK(in_flight.ended == 0);
  CHECK(bench.pool->waiting() == 1);
  bench.connector.at(0).send(kAnswer);
  bench.connector.at(0).send(kAnswer);
  CHECK(in_flight.status == 200);
  CHECK(second.status == 200);
  CHECK(first.ended == 1);
}

TEST_CASE(
    "what a request waited for a connection begins when it was sent for, not when it was due") {
  Bench bench(1);
  Exchange first;
  Exchange second;
  bench.pass(std::chrono::milliseconds{10});
  bench.send_connected(first);
  CHECK(first.asked == bench.clock.now());
  CHECK(first.dispatched == first.asked);
  bench.pass(std::chrono::milliseconds{1});
  bench.pool->send(second, *bench.target);
  const Time asked = bench.clock.now();
  bench.pass(std::chrono::milliseconds{7});
  bench.connector.at(0).send(kAnswer);
  CHECK(second.asked == asked);
  CHECK(second.dispatched - second.asked == std::chrono::milliseconds{7});
  // Used again, it is a request of its own.
  bench.connector.at(0).send(kAnswer);
  bench.pass(std::chrono::milliseconds{3});
  bench.pool->send(second, *bench.target);
  CHECK(second.asked == asked + std::chrono::milliseconds{10});
}

TEST_CASE("a request that is sent again on another connection was asked for once") {
  Bench bench;
  Exchange first;
  bench.send_connected(first);
  bench.connector.at(0).send(kAnswer);
  Exchange again;
  bench.pool->send(again, *bench.target);
  const Time asked = bench.clock.now();
  bench.pass(std::chrono::milliseconds{2});
  bench.connector.at(0).close();
  bench.connector.at(1).connected();
  bench.connector.at(1).send(kAnswer);
  CHECK(again.retried);
  CHECK(again.asked == asked);
}

TEST_CASE("an answer was read late by what its end lay there, whatever its beginning did") {
  using std::chrono::milliseconds;
  const std::string answer = kAnswer;
  struct Piece {
    std::size_t size;
    std::optional<Duration> lay;
  };
  struct Row {
    const char* name;
    std::vector<Piece> pieces;
    Duration read_late;
  };
  const std::vector<Row> rows{
      {"in one piece", {{answer.size(), milliseconds{9}}}, milliseconds{9}},
      {"its beginning lay longer",
       {{20, milliseconds{50}}, {200, milliseconds{2}}},
       milliseconds{2}},
      {"its end lay", {{20, milliseconds{0}}, {200, milliseconds{250}}}, milliseconds{250}},
      {"a system that doesn't say", {{answer.size(), std::nullopt}}, Duration{0}},
      {"of the end nobody knows", {{20, milliseconds{50}}, {200, std::nullopt}}, Duration{0}},
  };
  Bench bench;
  Exchange exchange;  // the same one each time: nothing of the last answer is left
  for (const Row& row : rows) {
    CAPTURE(row.name);
    bench.send_connected(exchange);
    CHECK(exchange.read_late == Duration{0});
    std::size_t at = 0;
    for (const Piece& piece : row.pieces) {
      bench.connector.at(0).lay = piece.lay;
      bench.connector.at(0).send(answer.substr(at, piece.size));
      at += piece.size;
    }
    CHECK(exchange.status == 200);
    CHECK(exchange.read_late == row.read_late);
  }
}

TEST_CASE("one that was sent can be ended alone, and its connection with it") {
  Bench bench(2);
  Exchange ended;
  Exchange other;
  bench.send_connected(ended);
  bench.send_connected(other);
  bench.pool->end_in_flight(ended, Failure::unfinished);
  CHECK(ended.failure == Failure::unfinished);
  CHECK(ended.ended == 1);
  CHECK_FALSE(bench.connector.at(0).open());
  bench.connector.at(1).send(kAnswer);
  CHECK(other.status == 200);
  bench.pool->end_in_flight(other, Failure::unfinished);  // it is over already
  CHECK(other.failure == Failure::none);
}

TEST_CASE("a request's own bounds hold on whatever connection it gets, and for it alone") {
  Bench bench;
  HttpBounds own;
  own.connect_timeout = std::chrono::milliseconds{100};
  own.answer.body_max = 1;
  Exchange slow;
  slow.bounds = &own;
  bench.pool->send(slow, *bench.target);
  bench.pass(std::chrono::milliseconds{100});
  CHECK(slow.failure == Failure::connect_timeout);
  Exchange fine;
  bench.send_connected(fine);
  bench.connector.at(1).send(kAnswer);
  CHECK(fine.status == 200);
  Exchange large;
  large.bounds = &own;
  bench.pool->send(large, *bench.target);
  bench.connector.at(1).send(kAnswer);
  CHECK(large.failure == Failure::body_too_large);
}

TEST_CASE("a time-out while connecting is the end, whatever further addresses there are") {
  Bench bench(100, 2);
  Exchange exchange;
  exchange.timeout = std::chrono::seconds{1};
  bench.pool->send(exchange, *bench.target);
  bench.pass(std::chrono::seconds{1});
  CHECK(exchange.ended == 1);
  CHECK(exchange.failure == Failure::connect_timeout);
  CHECK(bench.connector.made() == 1);
  CHECK(bench.pool->open_connections() == 0);
}

TEST_CASE("an event of a connection that isn't made yet is none") {
  Bench bench;
  Exchange exchange;
  bench.pool->send(exchange, *bench.target);
  bench.connector.at(0).connect_error = EINPROGRESS;
  bench.connector.at(0).connected();
  CHECK(exchange.ended == 0);
  bench.connector.at(0).connect_error = 0;
  bench.connector.at(0).connected();
  CHECK(bench.connector.at(0).take() == kRequest);
}

TEST_CASE("whose server doesn't answer in time ends the connection so that the server sees it") {
  Bench bench;
  Exchange exchange;
  bench.send_connected(exchange);
  bench.pass(exchange.timeout);
  CHECK(exchange.failure == Failure::timeout);
  CHECK(bench.connector.at(0).reset);
}

TEST_CASE("who waits gets a new connection where the one that was busy has to close") {
  Bench bench(1);
  Exchange first;
  Exchange second;
  bench.send_connected(first);
  bench.pool->send(second, *bench.target);
  bench.connector.at(0).send("HTTP/1.1 204 No\r\nConnection: close\r\n\r\n");
  CHECK(first.ended == 1);
  REQUIRE(bench.connector.made() == 2);
  bench.connector.at(1).connected();
  CHECK(bench.connector.at(1).take() == kRequest);
}

TEST_CASE("of idle connections the one that was used longest ago gives way") {
  Bench bench(2);
  Exchange first;
  Exchange second;
  bench.send_connected(first);
  bench.send_connected(second);
  bench.connector.at(1).send(kAnswer);
  bench.connector.at(0).send(kAnswer);
  HttpTarget& other = bench.pool->target("other:80");
  bench.pool->set_addresses(other, {*literal_address("127.0.0.9", 80)});
  Exchange third;
  bench.pool->send(third, other);
  CHECK_FALSE(bench.connector.at(1).open());
  CHECK(bench.connector.at(0).open());
}

TEST_CASE("an exchange that is used again knows nothing of its last time") {
  Bench bench;
  Exchange exchange;
  exchange.want_redirect = true;
  bench.send_connected(exchange);
  bench.connector.at(0).send("HTTP/1.1 302 F\r\nLocation: /a\r\nContent-Length: 0\r\n\r\n");
  CHECK(exchange.location == "/a");
  bench.pool->send(exchange, *bench.target);
  bench.connector.at(0).close();  // it turned out closed: sent again
  bench.connector.at(1).connected();
  bench.connector.at(1).send(kAnswer);
  CHECK(exchange.retried);
  CHECK(exchange.location.empty());
  bench.pool->send(exchange, *bench.target);
  CHECK_FALSE(exchange.retried);
  CHECK(exchange.status == -1);
  bench.connector.at(1).send(kAnswer);
  CHECK(exchange.ended == 3);
}

TEST_CASE("a connection that becomes free goes to who waits for its own host") {
  Bench bench(1);
  HttpTarget& other = bench.pool->target("other:80");
  bench.pool->set_addresses(other, {*literal_address("127.0.0.9", 80)});
  Exchange first;
  Exchange longest;
  Exchange same;
  bench.send_connected(first);
  bench.pool->send(longest, other);
  bench.pool->send(same, *bench.target);
  bench.connector.at(0).take();
  bench.connector.at(0).send(kAnswer);
  CHECK(longest.waiting());
  CHECK(bench.connector.at(0).take() == kRequest);
  bench.connector.at(0).send(kAnswer);
  CHECK(same.ended == 1);
  CHECK_FALSE(longest.waiting());
}

TEST_CASE("idle connections are closed but to hosts that are used still") {
  Bench bench;
  Exchange exchange;
  bench.send_connected(exchange);
  bench.connector.at(0).send(kAnswer);
  bench.pool->close_idle_but({"h:80", "x:80"});
  CHECK(bench.connector.at(0).open());
  bench.pool->close_idle_but({"x:80"});
  CHECK_FALSE(bench.connector.at(0).open());
}
