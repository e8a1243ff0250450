#include "load/dispatcher.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <set>

#include "load/dispatcher_fixture.h"

using namespace galileo;
using namespace galileo::load;
using wire::Failure;

namespace {

using std::chrono::milliseconds;
using Seconds = std::chrono::seconds;

ClientSpec constant(double between_s, std::uint64_t requests) {
  ClientSpec spec;
  spec.service = "s";
  spec.name = "w:s";
  spec.arrival = {"constant", {between_s}, {}, "static"};
  spec.requests = requests;
  return spec;
}

}  // namespace

TEST_CASE("a slow server doesn't slow the schedule: open loop") {
  World world;
  world.service_time = Seconds{3};
  world.begin(constant(0.01, 100));
  world.run();
  REQUIRE(world.traces.all.size() == 100);
  for (const wire::Trace& trace : world.traces.all) {
    CHECK(world.since_start(trace.created) == milliseconds{10} * trace.number);
    CHECK(trace.dispatched == trace.created);
    CHECK(trace.done - trace.created == Seconds{3});
  }
  CHECK(world.connector.made() == 100);
  CHECK(world.dispatcher->ledger().answered == 100);
}

TEST_CASE(
    "at the cap requests go out late, keep the time they were due, and say how late they were") {
  World world(1);
  world.service_time = milliseconds{30};
  world.begin(constant(0.01, 20));
  world.run();
  REQUIRE(world.traces.all.size() == 20);
  const wire::Trace& last = world.traces.all.back();
  CHECK(last.number == 20);
  CHECK(world.since_start(last.created) == milliseconds{200});
  CHECK(last.dispatched - last.created == milliseconds{10 + 19 * 30 - 200});
  CHECK(last.done - last.dispatched == milliseconds{30});
  CHECK(world.connector.made() == 1);
}

TEST_CASE("exactly the requests that were asked for, numbered from 1") {
  World world;
  world.begin(constant(0.001, 500));
  world.run();
  std::set<std::uint64_t> numbers;
  for (const wire::Trace& trace : world.traces.all) numbers.insert(trace.number);
  CHECK(numbers.size() == 500);
  CHECK(*numbers.begin() == 1);
  CHECK(*numbers.rbegin() == 500);
  CHECK(world.done);
}

TEST_CASE("a client that is spread over loops has the same schedule as on one") {
  const auto due_times = [](std::uint32_t count) {
    std::map<std::uint64_t, Duration> times;
    for (std::uint32_t index = 0; index < count; ++index) {
      World world;
      ClientSpec spec = constant(0, 200);
      spec.arrival = {"expovariate", {100}, {}, "static"};
      world.begin(spec, Stripe{index, count});
      world.run();
      for (const wire::Trace& trace : world.traces.all)
        times[trace.number] = world.since_start(trace.created);
    }
    return times;
  };
  const auto one = due_times(1);
  CHECK(one.size() == 200);
  CHECK(due_times(3) == one);
}

TEST_CASE("a closed loop's lanes send again when they are answered, and stop at the number") {
  World world;
  ClientSpec spec = constant(0, 50);
  spec.closed_loop = true;
  world.service_time = milliseconds{10};
  world.begin(spec, {}, 5);
  world.run();
  REQUIRE(world.traces.all.size() == 50);
  CHECK(world.connector.made() == 5);
  CHECK(world.since_start(world.traces.all.back().done) == milliseconds{100});
  for (const wire::Trace& trace : world.traces.all) CHECK(trace.closed_loop);
}

TEST_CASE("a lane backs off from a server that refuses, and goes on when it answers") {
  World world;
  ClientSpec spec = constant(0, 8);
  spec.closed_loop = true;
  world.refuse = true;
  world.begin(spec, {}, 1);
  world.run(milliseconds{100});
  CHECK(world.traces.all.size() == 4);  // at 0, 10, 30, 70 ms
  world.refuse = false;
  world.run();
  REQUIRE(world.traces.all.size() == 8);
  CHECK(world.traces.all.back().failure == Failure::none);
  CHECK(world.dispatcher->ledger().of(Failure::connect_refused) == 4);
}

TEST_CASE("a lane waits twice as long after each refusal, and a second at most") {
  World world;
  ClientSpec spec = constant(0, 100);
  spec.closed_loop = true;
  world.refuse = true;
  world.begin(spec, {}, 1);
  world.run(milliseconds{5000});
  std::vector<int> at_ms;
  for (const wire::Trace& trace : world.traces.all)
    at_ms.push_back(static_cast<int>(world.since_start(trace.done) / milliseconds{1}));
  CHECK(at_ms == std::vector<int>{0, 10, 30, 70, 150, 310, 630, 1270, 2270, 3270, 4270});
}

TEST_CASE("without a route a request isn't sent, and the client goes on") {
  World world;
  world.options.services[0].hosts.clear();
  world.make();
  world.begin(constant(0.01, 5));
  world.run();
  REQUIRE(world.traces.all.size() == 5);
  for (const wire::Trace& trace : world.traces.all) {
    CHECK(trace.failure == Failure::no_route);
    CHECK(trace.sent == kNoWall);
    CHECK(trace.status == -1);
  }
  CHECK(world.dispatcher->ledger().not_sent() == 5);
}

TEST_CASE("the debug router answers by itself, in a closed loop too") {
  for (const std::uint32_t lanes : {0u, 3u}) {
    World world(10, "DebugRouter");
    world.begin(constant(0.01, 30), {}, lanes);
    world.run();
    CHECK(world.traces.all.size() == 30);
    CHECK(world.connector.made() == 0);
    CHECK(world.dispatcher->ledger().answered == 30);
  }
}

TEST_CASE("stopping sends no more, lets answers come, and the ledger balances") {
  World world;
  world.service_time = milliseconds{50};
  world.begin(constant(0.01, 1000));
  world.run(milliseconds{205});
  world.dispatcher->stop_sending();
  CHECK_FALSE(world.done);
  world.run(Seconds{2});
  CHECK(world.done);
  CHECK(world.traces.all.size() == 20);
  CHECK(world.dispatcher->ledger().answered == 20);
}

TEST_CASE("ending all gives each request its reason") {
  World world(2);
  world.service_time = Seconds{30};
  world.begin(constant(0.01, 1000));
  world.run(milliseconds{105});
  world.dispatcher->end_all();
  world.run(Seconds{1});
  CHECK(world.done);
  const Ledger& ledger = world.dispatcher->ledger();
  CHECK(ledger.intended == 10);
  CHECK(ledger.in_flight_at_end == 2);
  CHECK(ledger.of(Failure::stopped) == 8);
  CHECK(ledger.sent == 2);
  CHECK(world.traces.all.size() == 10);
}

TEST_CASE("requests that are due within the warm-up carry its name") {
  World world;
  world.options.warmup_until = world.clock.now() + milliseconds{45};
  world.begin(constant(0.01, 10));
  world.run();
  int warm = 0;
  for (const wire::Trace& trace : world.traces.all)
    warm += world.traces.names.at(trace.phase) == "warmup";
  CHECK(warm == 4);
}

TEST_CASE("a status that counts as a failure is one that keeps its status") {
  World world;
  world.begin(constant(0.01, 1));
  world.clock.advance(milliseconds{10});
  world.timers.run_due(world.clock.now());
  world.connector.at(0).connected();
  world.connector.at(0).send("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
  REQUIRE(world.traces.all.size() == 1);
  CHECK(world.traces.all[0].failure == Failure::status);
  CHECK(world.traces.all[0].status == 503);
  CHECK(world.dispatcher->ledger().failed() == 1);
}

TEST_CASE("redirects are followed within one trace, to their bound") {
  World world;
  ClientSpec spec = constant(0.01, 1);
  spec.request.redirects_max = 1;
  world.begin(spec);
  world.clock.advance(milliseconds{10});
  world.timers.run_due(world.clock.now());
  net::PipeEnd& end = world.connector.at(0);
  end.connected();
  const std::string moved =
      "HTTP/1.1 302 Found\r\nLocation: /next?a=1\r\nContent-Length: 0\r\n\r\n";
  end.take();
  end.send(moved);
  CHECK(end.take().rfind("GET /next?a=1 HTTP/1.1\r\nHost: h\r\n", 0) == 0);
  SUBCASE("the answer there is the answer") {
    end.send(kAnswer);
    CHECK(world.traces.all.at(0).status == 200);
  }
  SUBCASE("one more is too many") {
    end.send(moved);
    CHECK(world.traces.all.at(0).status == -1);
    CHECK(world.traces.all.at(0).failure == Failure::too_many_redirects);
  }
  CHECK(world.traces.all.size() == 1);
}

// What is kept of an answer's headers and body, and how many the ledger says were cut.
struct Kept final : TraceSink {
  Kept(std::string_view type, std::string_view body, std::uint32_t most) {
    World world;
    world.options.limits.keep_headers = true;
    world.options.limits.keep_response = most;
    world.dispatcher = std::make_unique<Dispatcher>(world.clock, world.timers, world.connector,
                                                    *this, world.options);
    world.dispatcher->set_addresses("h:80", {*net::literal_address("127.0.0.1", 80)});
    world.answer_text =
        fmt::format("HTTP/1.1 200 OK\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n{}", type,
                    body.size(), body);
    world.begin(constant(0.01, 1));
    world.run();
    cut = world.dispatcher->responses_cut();
  }
  void put(const wire::Trace& trace) override {
    headers = trace.headers;
    response = trace.response;
  }
  wire::NameId name(std::string_view) override { return 0; }

  std::string headers;
  std::string response;
  std::uint64_t cut = 0;
};

TEST_CASE("headers and body are kept where that is asked for, and what is cut is counted") {
  const std::string long_body(200'000, 'x');
  struct Case {
    const char* type;
    std::string body;
    std::uint32_t most;
    std::string response;
    std::uint64_t cut;
  };
  const std::vector<Case> cases{
      {"text/plain", "ok", 1, "o", 1},
      {"text/plain", "ok", 2, "ok", 0},
      {"text/plain", "ok", 1000, "ok", 0},
      {"text/plain", "", 1, "", 0},
      {"text/plain", long_body, 1u << 20, long_body, 0},
      {"text/plain", long_body, 200'000, long_body, 0},
      {"text/plain", long_body, 65'536, std::string(65'536, 'x'), 1},
      {"text/plain; charset=utf-8", "a\xc3\xbc", 2, "a", 1},
      // As UTF-8 it is longer than it came, and cut for that.
      {"text/plain; charset=iso-8859-1", "\xfc\xfc\xfc", 6, "üüü", 0},
      {"text/plain; charset=iso-8859-1", "\xfc\xfc\xfc", 3, "ü", 1},
      {"application/octet-stream", std::string(10, '\x80'), 9, std::string(9, '\x80'), 1},
  };
  for (const Case& wanted : cases) {
    CAPTURE(wanted.type);
    CAPTURE(wanted.most);
    const Kept kept(wanted.type, wanted.body, wanted.most);
    CHECK(kept.headers == fmt::format(R"({{"Content-Type": "{}", "Content-Length": "{}"}})",
                                      wanted.type, wanted.body.size()));
    CHECK((kept.response == wanted.response));
    CHECK(kept.cut == wanted.cut);
  }
}
