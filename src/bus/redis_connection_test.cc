// Commands and subscriptions over connections in memory: the test is the server, and the clock.
#include "bus/redis_connection.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <functional>

#include "bus/redis_commands.h"
#include "bus/redis_subscriber.h"
#include "net/pipe.h"

using namespace galileo;
using namespace galileo::bus;

namespace {

using std::chrono::milliseconds;

std::string bytes_of(std::initializer_list<std::string_view> words) {
  std::string bytes;
  add_command(bytes, words);
  return bytes;
}
const std::string kPing = bytes_of({"PING"});

struct Harness {
  explicit Harness(std::size_t addresses = 1) {
    for (std::size_t i = 0; i < addresses; ++i)
      server.addresses.push_back(
          *net::literal_address("127.0.0.1", static_cast<std::uint16_t>(1 + i)));
    server.where = "redis://test:6379/0";
  }
  void advance(Duration by) {
    clock.advance(by);
    timers.run_due(clock.now());
  }
  net::PipeEnd& last() { return pipes.at(pipes.made() - 1); }
  // The newest connection, taken and greeted.
  void accept() {
    last().connected();
    last().take();
    last().send("+PONG\r\n");
  }
  // Waits for the next attempt.
  void come_back() {
    const std::size_t made = pipes.made();
    for (int i = 0; i < 200 && pipes.made() == made; ++i) advance(milliseconds{10});
    REQUIRE(pipes.made() == made + 1);
    accept();
  }
  net::ManualClock clock;
  net::Timers timers;
  net::PipeConnector pipes;
  RedisServer server{clock, timers, pipes, 1};
};

// As a server's end, or a path to it, is seen from here.
void break_connection(Harness& h, bool connecting, bool reset) {
  if (connecting)
    h.last().refuse(reset ? ECONNRESET : ECONNREFUSED);
  else if (reset)
    h.last().break_off();
  else
    h.last().close();
}

struct CommandsHarness : Harness {
  explicit CommandsHarness(std::size_t addresses = 1) : Harness(addresses) {}
  void start() {
    if (server.greeting.empty()) add_greeting(server, "", "", 0);
    commands.start();
  }
  std::vector<std::string> states;  // "ready", or why not
  RedisCommands commands{
      server, [this](const Error* lost) { states.push_back(lost ? lost->to_text() : "ready"); }};
};

// A call and what became of it.
struct TestCall : RedisCall {
  explicit TestCall(std::string_view word, bool reads = false, std::size_t answers = 1) {
    what = fmt::format("can't {}", word);
    bytes = bytes_of({word});
    replies = answers;
    repeatable = reads;
    timeout = std::chrono::seconds{5};
    on_reply = [this](const Reply& reply) -> Result<void> {
      got += reply.kind() == ReplyKind::kInteger ? std::to_string(reply.integer())
                                                 : std::string(reply.text());
      return {};
    };
    on_done = [this](const Result<void>& result) {
      outcome = result.ok() ? "done" : result.error().to_text();
    };
  }
  std::string got;
  std::string outcome;
};

}  // namespace

TEST_CASE("a connection says who it is before it is ready") {
  CommandsHarness h;
  add_greeting(h.server, "worker", "secret", 3);
  h.start();
  CHECK(h.pipes.made() == 1);
  h.last().connected();
  CHECK(h.last().take() ==
        bytes_of({"AUTH", "worker", "secret"}) + bytes_of({"SELECT", "3"}) + kPing);
  h.last().send("+OK\r\n+OK\r\n+PO");
  CHECK_FALSE(h.commands.ready());
  h.last().send("NG\r\n");
  CHECK(h.commands.ready());
  CHECK(h.states == std::vector<std::string>{"ready"});
}

TEST_CASE("a wrong password is named as such") {
  CommandsHarness h;
  add_greeting(h.server, "", "secret", 0);
  h.start();
  h.last().connected();
  CHECK(h.last().take() == bytes_of({"AUTH", "secret"}) + kPing);
  h.last().send("-WRONGPASS invalid\r\n-NOAUTH Authentication required.\r\n");
  REQUIRE(h.states.size() == 1);
  CHECK(h.states[0].starts_with("can't use the bus, redis://test:6379/0: WRONGPASS invalid; "));
  CHECK_FALSE(h.last().open());
}

TEST_CASE("calls are answered in their order, each with its own replies and errors") {
  CommandsHarness h;
  h.start();
  TestCall early("EARLY");
  h.commands.submit(early);
  h.accept();
  CHECK(h.last().take() == early.bytes);
  TestCall pair("PAIR", false, 2);
  TestCall wrong("WRONG", false, 2);
  TestCall fine("FINE");
  for (TestCall* call : {&pair, &wrong, &fine}) h.commands.submit(*call);
  CHECK(h.last().take() == pair.bytes + wrong.bytes + fine.bytes);
  h.last().send(":1\r\n:2\r\n");
  CHECK(early.outcome == "done");
  CHECK(pair.outcome.empty());
  h.last().send(":3\r\n-OOM full\r\n");
  CHECK(pair.got == "23");
  CHECK(wrong.outcome.empty());
  h.last().send("-ERR second\r\n$4\r\ntext\r\n");
  CHECK(wrong.outcome.starts_with("can't WRONG, redis://test:6379/0: OOM full; "));
  CHECK(fine.got == "text");
  CHECK(fine.outcome == "done");
  CHECK(h.commands.idle());
}

TEST_CASE("after a break reads are asked again in their order, changes say that they may be done") {
  CommandsHarness h;
  h.start();
  h.accept();
  TestCall read_1("READ1", true);
  TestCall write("WRITE");
  TestCall read_2("READ2", true);
  for (TestCall* call : {&read_1, &write, &read_2}) h.commands.submit(*call);
  h.last().close();
  CHECK(write.outcome.starts_with(
      "can't WRITE, redis://test:6379/0: the connection broke meanwhile"));
  TestCall later("LATER");
  h.commands.submit(later);
  h.come_back();
  CHECK(h.last().take() == read_1.bytes + read_2.bytes + later.bytes);
  h.last().send(":1\r\n:2\r\n:3\r\n");
  CHECK(read_1.got + read_2.got + later.got == "123");
  CHECK(h.states.size() == 3);
  CHECK(h.states.back() == "ready");
}

TEST_CASE("a connection that breaks between any two steps of a call leaves nobody waiting") {
  struct Step {
    std::function<void(CommandsHarness&)> take;
    bool sent = false;  // by then the call is
  };
  const std::vector<Step> steps = {
      {[](auto& h) { h.last().connected(); }},
      {[](auto& h) { h.last().send("+OK\r\n"); }},  // AUTH
      {[](auto& h) { h.last().send("+OK\r\n"); }},  // SELECT
      {[](auto& h) { h.last().send("+PONG\r\n"); }, true},
      {[](auto& h) { h.last().send(":1"); }, true},
      {[](auto& h) { h.last().send("\r\n+OK\r\n:"); }, true},  // the second of two replies
  };
  for (std::size_t broken_after = 0; broken_after <= steps.size(); ++broken_after) {
    for (const bool reads : {true, false}) {
      CAPTURE(broken_after);
      CAPTURE(reads);
      CommandsHarness h;
      add_greeting(h.server, "worker", "secret", 3);
      h.start();
      TestCall call("CALL", reads, 3);
      h.commands.submit(call);
      for (std::size_t i = 0; i < broken_after; ++i) steps[i].take(h);
      const bool sent = broken_after > 0 && steps[broken_after - 1].sent;
      break_connection(h, broken_after == 0, false);
      CHECK_FALSE(h.last().open());
      // What may have been carried out is told at once, what can be asked again or wasn't is asked.
      CHECK(call.outcome.empty() == (reads || !sent));
      if (!call.outcome.empty())
        CHECK(call.outcome.find("it may have been carried out") != std::string::npos);
      const bool waits = call.outcome.empty();
      const std::size_t made = h.pipes.made();
      while (h.pipes.made() == made) h.advance(milliseconds{10});
      h.last().connected();
      h.last().take();
      h.last().send("+OK\r\n+OK\r\n+PONG\r\n");
      CHECK(h.commands.ready());
      CHECK(h.last().take() == (waits ? bytes_of({"CALL"}) : ""));
      if (waits) {
        call.got.clear();
        h.last().send(":1\r\n+OK\r\n:2\r\n");
        CHECK(call.outcome == "done");
        CHECK(call.got == "1OK2");
      }
      CHECK(h.commands.idle());
      CHECK(h.pipes.made() == 2);
    }
  }
}

TEST_CASE("a call that waits in vain for a connection says what stood in its way") {
  CommandsHarness h;
  h.start();
  TestCall call("CALL");
  h.commands.submit(call);
  h.last().refuse(ECONNREFUSED);
  for (int i = 0; i < 600 && call.outcome.empty(); ++i) {
    const std::size_t made = h.pipes.made();
    h.advance(milliseconds{10});
    if (h.pipes.made() > made) h.last().refuse(ECONNREFUSED);
  }
  CHECK(call.outcome ==
        "can't CALL, redis://test:6379/0: no connection in 5.00s: Connection refused; is a Redis "
        "server "
        "running there? (redis-cli -u URL ping)");
  CHECK(h.commands.idle());
}

TEST_CASE("a server that is silent on a call loses its connection, and other calls go on") {
  CommandsHarness h;
  h.start();
  h.accept();
  TestCall slow("SLOW");
  h.commands.submit(slow);
  h.advance(std::chrono::seconds{4});
  TestCall read("READ", true);
  h.commands.submit(read);
  h.advance(std::chrono::seconds{1});
  CHECK(slow.outcome.starts_with("can't SLOW, redis://test:6379/0: no answer in 5.00s"));
  CHECK_FALSE(h.last().open());
  h.come_back();
  h.last().send(":1\r\n");
  CHECK(read.got == "1");
}

TEST_CASE("what doesn't fit is sent as there is room, in order") {
  CommandsHarness h;
  h.start();
  h.accept();
  h.last().write_limit = 10;
  TestCall first(std::string(100, 'a'));
  TestCall second(std::string(100, 'b'));
  h.commands.submit(first);
  h.commands.submit(second);
  std::string sent;
  for (int i = 0; i < 100 && sent.size() < first.bytes.size() + second.bytes.size(); ++i) {
    sent += h.last().take();
    h.last().handler->on_stream({false, true, false});
  }
  CHECK(sent == first.bytes + second.bytes);
}

TEST_CASE(
    "attempts follow one another ever more slowly, up to a second, and begin anew after a "
    "success") {
  CommandsHarness h;
  h.start();
  Duration expected = milliseconds{50};
  const auto wait = [&] {
    const Time begin = h.clock.now();
    const std::size_t made = h.pipes.made();
    while (h.pipes.made() == made) h.advance(milliseconds{1});
    return h.clock.now() - begin;
  };
  for (int i = 0; i < 8; ++i) {
    h.last().refuse(ECONNREFUSED);
    const Duration pause = wait();
    CHECK(pause >= expected / 2);
    CHECK(pause <= expected + milliseconds{1});
    expected = std::min<Duration>(expected * 2, std::chrono::seconds{1});
  }
  // Ready and lost at once is no success: a server that does so isn't asked the more often.
  h.accept();
  h.last().close();
  CHECK(wait() >= milliseconds{500});
  h.accept();
  h.advance(std::chrono::seconds{1});
  h.last().close();
  CHECK(wait() <= milliseconds{51});
}

TEST_CASE("all addresses of a server are tried before it counts as lost") {
  CommandsHarness h(3);
  h.start();
  CHECK(h.last().address.port() == 1);
  h.last().refuse(ECONNREFUSED);
  h.advance(Duration{0});
  CHECK(h.last().address.port() == 2);
  h.last().refuse(ECONNREFUSED);
  CHECK(h.states.empty());
  h.advance(Duration{0});
  CHECK(h.last().address.port() == 3);
  h.accept();
  CHECK(h.states == std::vector<std::string>{"ready"});
  // It was there a moment ago: that address again.
  h.last().close();
  h.come_back();
  CHECK(h.last().address.port() == 3);
}

TEST_CASE("a server that takes the connection and says nothing is given up") {
  CommandsHarness h;
  h.start();
  h.advance(std::chrono::seconds{5});
  REQUIRE(h.states.size() == 1);
  CHECK(h.states[0].find("it takes no connection") != std::string::npos);
  h.advance(std::chrono::seconds{1});
  h.last().connected();
  h.advance(std::chrono::seconds{5});
  REQUIRE(h.states.size() == 2);
  CHECK(h.states[1].find("it doesn't answer") != std::string::npos);
}

TEST_CASE("an idle connection is asked after a while, and lost when that isn't answered") {
  CommandsHarness h;
  h.start();
  h.accept();
  h.advance(std::chrono::seconds{5});
  CHECK(h.last().take() == kPing);
  h.last().send("+PONG\r\n");
  h.advance(std::chrono::seconds{5});
  CHECK(h.last().take().empty());  // something was heard since
  h.advance(std::chrono::seconds{5});
  CHECK(h.last().take() == kPing);
  h.advance(std::chrono::seconds{5});
  CHECK_FALSE(h.last().open());
  CHECK(h.states.back().find("it has stopped answering") != std::string::npos);
}

TEST_CASE("garbage, an answer that nobody asked for, and too large a reply end the connection") {
  for (const std::string& bytes :
       {std::string("HTTP/1.1 400 Bad Request\r\n"), std::string(":1\r\n:2\r\n"),
        "$2000\r\n" + std::string(2000, 'x') + "\r\n"}) {
    CommandsHarness h;
    h.server.limits.bytes_max = 1000;
    h.start();
    h.accept();
    TestCall call("CALL");
    h.commands.submit(call);
    h.last().send(bytes);
    CHECK_FALSE(h.last().open());
    CHECK_FALSE(call.outcome.empty());
    h.come_back();
    TestCall again("AGAIN");
    h.commands.submit(again);
    h.last().send(":1\r\n");
    CHECK(again.outcome == "done");
  }
}

namespace {

struct SubscriberHarness : Harness {
  SubscriberHarness() {
    add_greeting(server, "", "", 0);
    subscriber.start();
  }
  RedisListener& make(std::vector<std::string> channels, std::vector<std::string> patterns = {}) {
    RedisListener& listener = listeners.emplace_back();
    listener.channels = std::move(channels);
    listener.patterns = std::move(patterns);
    listener.on_message = [this](std::string_view channel, std::string_view message) {
      heard += fmt::format("{}={};", channel, message);
    };
    listener.on_done = [this](const Result<void>& result) {
      outcomes.push_back(result.ok() ? "done" : result.error().to_text());
    };
    return listener;
  }
  std::deque<RedisListener> listeners;
  std::string heard;
  std::vector<std::string> outcomes;
  int changes = 0;
  RedisSubscriber subscriber{server, [this] { ++changes; }};
};

std::string confirmation(std::string_view kind, std::string_view name) {
  return fmt::format("*3\r\n${}\r\n{}\r\n${}\r\n{}\r\n:1\r\n", kind.size(), kind, name.size(),
                     name);
}

}  // namespace

TEST_CASE(
    "a listener is there when all its names are confirmed, and hears by name and by pattern") {
  SubscriberHarness h;
  h.accept();
  RedisListener& a = h.make({"x", "y"}, {"p*"});
  h.subscriber.add(a, std::chrono::seconds{5});
  CHECK(h.last().take() == bytes_of({"SUBSCRIBE", "x", "y"}) + bytes_of({"PSUBSCRIBE", "p*"}));
  h.last().send(confirmation("subscribe", "x") + confirmation("subscribe", "y"));
  CHECK(h.outcomes.empty());
  h.last().send(confirmation("psubscribe", "p*"));
  CHECK(h.outcomes == std::vector<std::string>{"done"});
  h.last().send("*3\r\n$7\r\nmessage\r\n$1\r\ny\r\n$2\r\nhi\r\n");
  h.last().send("*4\r\n$8\r\npmessage\r\n$2\r\np*\r\n$2\r\npq\r\n$0\r\n\r\n");
  h.last().send("*3\r\n$7\r\nmessage\r\n$5\r\nother\r\n$2\r\nhi\r\n");
  CHECK(h.heard == "y=hi;pq=;");
  CHECK(h.subscriber.has_any_of(h.make({"q", "x"})));
  CHECK_FALSE(h.subscriber.has_any_of(h.make({"p*"}, {"x"})));
  h.subscriber.remove(a);
  CHECK(h.last().take() == bytes_of({"UNSUBSCRIBE", "x", "y"}) + bytes_of({"PUNSUBSCRIBE", "p*"}));
  h.last().send("*3\r\n$7\r\nmessage\r\n$1\r\ny\r\n$4\r\nlate\r\n");
  CHECK(h.heard == "y=hi;pq=;");
  CHECK(h.subscriber.empty());
}

TEST_CASE("after a break everything is subscribed again before it counts as complete") {
  SubscriberHarness h;
  h.accept();
  RedisListener& a = h.make({"x"});
  RedisListener& b = h.make({"y"});
  h.subscriber.add(a, std::chrono::seconds{5});
  h.subscriber.add(b, std::chrono::seconds{5});
  h.last().send(confirmation("subscribe", "x") + confirmation("subscribe", "y"));
  CHECK(h.subscriber.complete());
  h.last().close();
  CHECK_FALSE(h.subscriber.complete());
  CHECK(h.changes == 1);
  h.come_back();
  CHECK(h.last().take() == bytes_of({"SUBSCRIBE", "x"}) + bytes_of({"SUBSCRIBE", "y"}));
  h.last().send(confirmation("subscribe", "x"));
  CHECK_FALSE(h.subscriber.complete());
  h.last().send(confirmation("subscribe", "y"));
  CHECK(h.subscriber.complete());
  CHECK(h.changes > 1);
  CHECK(h.outcomes.size() == 2);
}

TEST_CASE("a listener that isn't allowed is told so, the ones beside it stay") {
  SubscriberHarness h;
  h.accept();
  RedisListener& a = h.make({"x"});
  RedisListener& b = h.make({"secret"}, {"s*"});
  RedisListener& c = h.make({"y"});
  for (RedisListener* listener : {&a, &b, &c}) h.subscriber.add(*listener, std::chrono::seconds{5});
  h.last().take();
  h.last().send(confirmation("subscribe", "x") + "-NOPERM no\r\n");
  REQUIRE(h.outcomes.size() == 2);
  CHECK(h.outcomes[1].starts_with("can't subscribe to 'secret', redis://test:6379/0: NOPERM no; "));
  h.last().send(confirmation("psubscribe", "s*") + confirmation("subscribe", "y"));
  CHECK(h.outcomes.size() == 3);
  CHECK(h.outcomes[2] == "done");
  h.last().send("*3\r\n$7\r\nmessage\r\n$1\r\ny\r\n$2\r\nhi\r\n");
  CHECK(h.heard == "y=hi;");
}

TEST_CASE("a server whose disk takes nothing refuses pings and is there all the same") {
  const std::string refusal = "-MISCONF Redis is configured to save RDB snapshots\r\n";
  SubscriberHarness h;
  RedisListener& a = h.make({"x"});
  h.subscriber.add(a, std::chrono::seconds{5});
  h.last().connected();
  h.last().send(refusal);
  h.last().send(confirmation("subscribe", "x"));
  CHECK(h.outcomes == std::vector<std::string>{"done"});
  for (int look = 0; look < 4; ++look) {
    h.advance(std::chrono::seconds{5});
    if (h.last().take().ends_with(kPing)) h.last().send(refusal);
  }
  CHECK(h.last().open());
  h.last().send("*3\r\n$7\r\nmessage\r\n$1\r\nx\r\n$2\r\nhi\r\n");
  CHECK(h.heard == "x=hi;");
  CHECK(h.pipes.made() == 1);
}

TEST_CASE("a connection that breaks between any two steps of a subscription is there again whole") {
  struct Step {
    const char* name;
    std::function<void(SubscriberHarness&)> take;
  };
  const std::vector<Step> steps = {
      {"connect", [](SubscriberHarness& h) { h.last().connected(); }},
      {"half a greeting", [](SubscriberHarness& h) { h.last().send("+PO"); }},
      {"greeted", [](SubscriberHarness& h) { h.last().send("NG\r\n"); }},
      {"one name confirmed", [](auto& h) { h.last().send(confirmation("subscribe", "x")); }},
      {"half a confirmation", [](auto& h) { h.last().send("*3\r\n$9\r\nsubs"); }},
      {"all confirmed", [](auto& h) { h.last().send("cribe\r\n$1\r\ny\r\n:2\r\n"); }},
      {"half a message", [](auto& h) { h.last().send("*3\r\n$7\r\nmessage\r\n$1\r\ny\r\n"); }},
      {"asked and silent", [](auto& h) { h.advance(std::chrono::seconds{6}); }},
  };
  for (std::size_t broken_after = 0; broken_after <= steps.size(); ++broken_after) {
    for (const bool reset : {false, true}) {
      CAPTURE(broken_after);
      CAPTURE(reset);
      SubscriberHarness h;
      RedisListener& a = h.make({"x", "y"});
      h.subscriber.add(a, std::chrono::seconds{60});
      for (std::size_t i = 0; i < broken_after; ++i) steps[i].take(h);
      const std::size_t done = h.outcomes.size();
      break_connection(h, broken_after == 0, reset);
      CHECK_FALSE(h.last().open());
      h.come_back();
      CHECK(h.last().take() == bytes_of({"SUBSCRIBE", "x", "y"}));
      CHECK(h.subscriber.complete() == (done == 0));  // who never was complete doesn't count
      h.last().send(confirmation("subscribe", "x") + confirmation("subscribe", "y"));
      CHECK(h.subscriber.complete());
      CHECK(h.outcomes == std::vector<std::string>{"done"});
      h.last().send("*3\r\n$7\r\nmessage\r\n$1\r\ny\r\n$2\r\nhi\r\n");
      CHECK(h.heard == "y=hi;");
      CHECK(h.pipes.made() == 2);
    }
  }
}

TEST_CASE("a listener that is never confirmed is told at its deadline") {
  SubscriberHarness h;
  RedisListener& a = h.make({"x"});
  h.subscriber.add(a, std::chrono::seconds{2});
  h.last().refuse(ECONNREFUSED);
  h.clock.advance(std::chrono::seconds{3});
  h.timers.run_due(h.clock.now());
  REQUIRE(h.outcomes.size() == 1);
  CHECK(h.outcomes[0].starts_with(
      "can't subscribe to 'x', redis://test:6379/0: not confirmed in 2.00s: Connection refused; "));
  CHECK(h.subscriber.empty());
}

TEST_CASE("a flood on one connection gives way to timers, and all of it arrives") {
  SubscriberHarness h;
  h.accept();
  RedisListener& a = h.make({"x"});
  int count = 0;
  a.on_message = [&](std::string_view, std::string_view) { ++count; };
  h.subscriber.add(a, std::chrono::seconds{5});
  h.last().send(confirmation("subscribe", "x"));
  const std::string body(1 << 16, 'x');
  std::string flood;
  for (int i = 0; i < 100; ++i)
    flood += fmt::format("*3\r\n$7\r\nmessage\r\n$1\r\nx\r\n${}\r\n{}\r\n", body.size(), body);
  h.last().send(flood);
  CHECK(count < 100);
  for (int i = 0; i < 100 && count < 100; ++i) h.advance(Duration{1});
  CHECK(count == 100);
}
