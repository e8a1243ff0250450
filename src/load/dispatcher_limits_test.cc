// A workload may come with limits of its own: those of the run that it is part of, on a worker that
// has others.
#include <doctest/doctest.h>

#include "load/dispatcher_fixture.h"

namespace galileo::load {
namespace {

using std::chrono::milliseconds;
using wire::Failure;
using Seconds = std::chrono::seconds;

std::string answer(int status, const std::string& more, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\n" + more +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

Workload one_request() {
  Workload workload;
  workload.arrival.parameters = {0.01};
  workload.requests = 1;
  workload.limits = Limits{};
  return workload;
}

// What one request came to.
wire::Trace trace_of(World& world, const Workload& workload) {
  const auto client = world.add(1);
  world.dispatcher->set_workload(client, workload, world.clock.now());
  world.pass(Seconds{20});
  REQUIRE(world.traces.all.size() == 1);
  return world.traces.all[0];
}

TEST_CASE("a workload's own limits hold where the dispatcher has others") {
  struct Row {
    const char* name;
    std::string answer;
    void (*of_dispatcher)(Limits&);
    void (*of_workload)(Limits&);
    Failure failure;
  };
  const std::vector<Row> rows{
      {"failures", answer(404, "", ""), [](Limits&) {},
       [](Limits& own) { own.fail_on = *wire::StatusSet::parse("500-599"); }, Failure::none},
      {"a smaller body", answer(200, "", "four"), [](Limits&) {},
       [](Limits& own) { own.body_max = 3; }, Failure::body_too_large},
      {"a larger body", answer(200, "", "four"), [](Limits& limits) { limits.body_max = 3; },
       [](Limits&) {}, Failure::none},
      {"a smaller head", answer(200, "X: " + std::string(500, 'x') + "\r\n", ""), [](Limits&) {},
       [](Limits& own) { own.head_max = 100; }, Failure::head_too_large},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    World world;
    row.of_dispatcher(world.options.limits);
    world.answer_text = row.answer;
    Workload workload = one_request();
    row.of_workload(*workload.limits);
    CHECK(trace_of(world, workload).failure == row.failure);
  }
}

TEST_CASE("a workload's own time to connect") {
  World world;
  Workload workload = one_request();
  workload.limits->connect_timeout = milliseconds{300};
  const auto client = world.add(1);
  world.dispatcher->set_workload(client, workload, world.clock.now());
  for (int i = 0; i < 100; ++i) {  // no server takes the connection
    world.clock.advance(milliseconds{5});
    world.timers.run_due(world.clock.now());
  }
  REQUIRE(world.traces.all.size() == 1);
  const wire::Trace& trace = world.traces.all[0];
  CHECK(trace.failure == Failure::connect_timeout);
  CHECK(trace.done - trace.sent == milliseconds{300});
}

TEST_CASE("a workload's own redirects, before those of its client's request") {
  for (const std::uint32_t most : {0u, 3u}) {
    CAPTURE(most);
    World world;
    world.answer_text = answer(302, "Location: /again\r\n", "");
    const auto client = world.add(1, [] {
      Request request;
      request.redirects_max = 30;
      return request;
    }());
    Workload workload = one_request();
    workload.redirects_max = most;
    world.dispatcher->set_workload(client, workload, world.clock.now());
    world.pass(Seconds{1});
    REQUIRE(world.traces.all.size() == 1);
    CHECK(world.requests.size() == most + 1);
    CHECK(world.traces.all[0].failure == (most > 0 ? Failure::too_many_redirects : Failure::none));
  }
}

TEST_CASE("what is kept of an answer is what the workload says that the request belongs to") {
  struct Keeper final : TraceSink {
    void put(const wire::Trace& trace) override {
      kept.push_back(std::string(trace.headers.empty() ? "-" : "h") + std::string(trace.response));
    }
    wire::NameId name(std::string_view) override { return 0; }
    std::vector<std::string> kept;
  };
  World world;
  world.options.limits.keep_headers = true;
  world.options.limits.keep_response = 100;
  Keeper keeper;
  world.dispatcher = std::make_unique<Dispatcher>(world.clock, world.timers, world.connector,
                                                  keeper, world.options);
  world.dispatcher->set_addresses("h:80", {*net::literal_address("127.0.0.1", 80)});
  const auto client = world.add(1);
  Workload workload = one_request();
  const auto send = [&](const Workload& next) {
    world.dispatcher->set_workload(client, next, world.clock.now());
    world.pass(Seconds{1});
  };
  send(workload);
  workload.limits->keep_response = 1;
  send(workload);
  workload.limits->keep_headers = true;
  send(workload);
  workload.limits.reset();
  send(workload);
  CHECK(keeper.kept == std::vector<std::string>{"-", "-o", "ho", "hok"});
}

TEST_CASE("a workload that is ended leaves nothing under way; other clients go on") {
  World world(1000);
  world.service_time = Seconds{10};
  const auto clients = world.add(2);
  Workload workload = one_request();
  workload.requests = 3;
  world.dispatcher->set_workload(clients, workload, world.clock.now());
  world.pass(Seconds{1});
  CHECK(world.dispatcher->in_flight() == 6);
  world.dispatcher->end_workload(std::vector<std::uint32_t>{clients[0]});
  CHECK(world.dispatcher->in_flight() == 3);
  REQUIRE(world.traces.all.size() == 3);
  for (const wire::Trace& trace : world.traces.all) {
    CHECK(trace.failure == Failure::unfinished);
    CHECK(world.traces.names.at(trace.client) == "w:s:0");
  }
  world.pass(Seconds{20});
  REQUIRE(world.traces.all.size() == 6);
  CHECK(world.traces.all.back().failure == Failure::none);
  CHECK(world.dispatcher->ledger().intended == 6);
  CHECK(world.dispatcher->ledger().in_flight_at_end == 3);
}

TEST_CASE("what of the latencies is the generator's own counts for the run that a request is of") {
  World world;
  const auto client = world.add(1);
  Workload workload = one_request();
  const auto send = [&](const std::string& run) {
    workload.run = run;
    world.dispatcher->set_workload(client, workload, world.clock.now());
    world.pass(Seconds{1});
  };
  send("a");
  send("b");
  send("b");
  send("");
  CHECK(world.dispatcher->own_times("a").latency.count() == 1);
  CHECK(world.dispatcher->own_times("b").latency.count() == 2);
  CHECK(world.dispatcher->own_times("").latency.count() == 1);
  CHECK(world.dispatcher->own_times("c").latency.count() == 0);
  // One whose requests are under way can be forgotten too.
  world.service_time = Seconds{10};
  send("b");
  world.dispatcher->forget_own_times("b");
  world.pass(Seconds{20});
  CHECK(world.traces.all.size() == 5);
  CHECK(world.dispatcher->own_times("b").latency.count() == 0);
}

}  // namespace
}  // namespace galileo::load
