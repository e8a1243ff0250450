// Clients that come and go, and their workloads. (dispatcher_routes_test.cc: the hosts under them.)
#include <doctest/doctest.h>

#include <set>

#include "load/dispatcher_fixture.h"

using namespace galileo;
using namespace galileo::load;
using wire::Failure;

namespace {

using std::chrono::milliseconds;
using Seconds = std::chrono::seconds;
using Texts = std::vector<std::string>;

Workload every(double between_s, std::optional<std::uint64_t> requests = std::nullopt) {
  Workload workload;
  workload.arrival.parameters = {between_s};
  workload.requests = requests;
  return workload;
}

Workload as_fast_as_possible(std::optional<std::uint64_t> requests = std::nullopt) {
  Workload workload;
  workload.requests = requests;
  return workload;
}

Workload fed() {
  Workload workload;
  workload.fed = true;
  return workload;
}

// When requests were due, since `start`.
std::vector<Duration> due_times(const World& world, Time start) {
  std::vector<Duration> times;
  for (const wire::Trace& trace : world.traces.all)
    times.push_back(world.options.wall_clock.monotonic(trace.created) - start);
  return times;
}

}  // namespace

TEST_CASE("a client does nothing until it has a workload, whose first request is due one later") {
  World world;
  const auto client = world.add(1);
  world.pass(Seconds{5});
  CHECK(world.traces.all.empty());
  const Time start = world.clock.now() + milliseconds{500};
  world.dispatcher->set_workload(client, every(0.25, 2), start);
  world.pass(Seconds{5});
  CHECK(due_times(world, start) == std::vector<Duration>{milliseconds{250}, milliseconds{500}});
  CHECK(world.traces.names.at(world.traces.all[0].client) == "w:s:0");
  CHECK(world.traces.names.at(world.traces.all[0].phase).empty());
}

TEST_CASE("a workload takes the place of another: none of the old is sent, numbers go on") {
  World world;
  const auto client = world.add(1);
  const Time start = world.clock.now();
  world.dispatcher->set_workload(client, every(0.1), start);
  world.pass(milliseconds{250});
  const Time again = world.clock.now();
  world.dispatcher->set_workload(client, every(1, 2), again);
  world.pass(Seconds{10});
  REQUIRE(world.traces.all.size() == 4);
  CHECK(world.traces.all[2].created == world.options.wall_clock.wall(again + Seconds{1}));
  for (std::uint64_t i = 0; i < 4; ++i) CHECK(world.traces.all[i].number == i + 1);
  CHECK(world.dispatcher->counts(0).requests == 4);
}

TEST_CASE("paced and unpaced workloads may follow each other, their numbers in one row") {
  World world;
  const auto client = world.add(1);
  world.service_time = milliseconds{10};
  for (const Workload& workload : {every(0.01, 3), as_fast_as_possible(7), every(0.01, 5)}) {
    world.dispatcher->set_workload(client, workload, world.clock.now());
    world.pass(Seconds{1});
  }
  std::set<std::uint64_t> numbers;
  for (const wire::Trace& trace : world.traces.all) numbers.insert(trace.number);
  CHECK(world.traces.all.size() == 15);
  CHECK(numbers.size() == 15);
  CHECK(*numbers.rbegin() == 15);
}

TEST_CASE("a client whose workload is stopped sends nothing more, and may be set to work again") {
  World world;
  const auto client = world.add(1);
  world.dispatcher->set_workload(client, every(0.1), world.clock.now());
  world.pass(milliseconds{350});
  world.dispatcher->stop_workload(client);
  world.pass(Seconds{60});
  CHECK(world.traces.all.size() == 3);
  world.dispatcher->stop_workload(client);  // once more is no harm
  world.dispatcher->set_workload(client, every(0.1, 1), world.clock.now());
  world.pass(Seconds{1});
  CHECK(world.traces.all.size() == 4);
}

TEST_CASE("what waits for a connection when it is stopped isn't sent; what was sent is answered") {
  World world(1);
  world.service_time = Seconds{1};
  const auto client = world.add(2);
  world.dispatcher->set_workload(client, every(0.1), world.clock.now());
  world.pass(milliseconds{250});
  SUBCASE("by a stop") {
    world.dispatcher->stop_workload(client);
  }
  SUBCASE("by another workload") {
    world.dispatcher->set_workload(client, every(1000), world.clock.now());
  }
  SUBCASE("by closing it") {
    world.dispatcher->close_clients(client);
  }
  world.pass(Seconds{10});
  CHECK(world.requests.size() == 1);
  const Ledger& ledger = world.dispatcher->ledger();
  CHECK(ledger.intended == 4);
  CHECK(ledger.answered == 1);
  CHECK(ledger.of(Failure::stopped) == 3);
  CHECK(world.traces.all.size() == 4);
}

TEST_CASE("what waits goes on waiting where another client is stopped") {
  World world(1);
  world.service_time = Seconds{1};
  const auto clients = world.add(2);
  world.dispatcher->set_workload(clients, every(0.1, 2), world.clock.now());
  world.pass(milliseconds{250});
  world.dispatcher->stop_workload(std::vector<std::uint32_t>{1});
  world.pass(Seconds{10});
  CHECK(world.dispatcher->counts(0).failed == 0);
  CHECK(world.dispatcher->counts(0).requests == 2);
  CHECK(world.dispatcher->ledger().answered + world.dispatcher->ledger().not_sent() == 4);
}

TEST_CASE("a workload with an end tells when its last request is on its way, and when answered") {
  World world;
  world.service_time = Seconds{1};
  const auto clients = world.add(2);
  world.dispatcher->set_workload(std::vector<std::uint32_t>{1}, every(0.1, 3), world.clock.now());
  world.pass(milliseconds{299});
  CHECK(world.take_reports().empty());
  world.pass(milliseconds{2});
  CHECK(world.take_reports() == Texts{"1 dispatched"});
  world.pass(milliseconds{998});
  CHECK(world.take_reports().empty());
  world.pass(milliseconds{2});
  CHECK(world.take_reports() == Texts{"1 answered"});
  world.pass(Seconds{100});
  CHECK(world.take_reports().empty());
}

TEST_CASE("an unpaced workload sends exactly its number, and tells of its end") {
  World world;
  world.service_time = milliseconds{10};
  const auto client = world.add(1);
  world.dispatcher->set_workload(client, as_fast_as_possible(120), world.clock.now());
  world.pass(milliseconds{5});
  CHECK(world.requests.size() == 50);
  world.pass(milliseconds{18});
  CHECK(world.take_reports() == Texts{"0 dispatched"});
  world.pass(Seconds{1});
  CHECK(world.take_reports() == Texts{"0 answered"});
  CHECK(world.traces.all.size() == 120);
  CHECK(world.connector.made() == 50);
}

TEST_CASE("a number of 0 means without end, and a duration ends a workload without a number") {
  World world;
  const auto client = world.add(1);
  world.dispatcher->set_workload(client, every(1, 0), world.clock.now());
  world.pass(Seconds{1000});
  CHECK(world.dispatcher->counts(0).requests == 1000);
  Workload workload = every(1);
  workload.duration = Seconds{10};
  world.dispatcher->set_workload(client, workload, world.clock.now());
  world.pass(Seconds{1000});
  CHECK(world.dispatcher->counts(0).requests == 1010);
  workload = as_fast_as_possible();
  workload.duration = milliseconds{100};
  workload.connections = 1;
  world.service_time = milliseconds{10};
  world.dispatcher->set_workload(client, workload, world.clock.now());
  world.pass(Seconds{1000});
  CHECK(world.dispatcher->counts(0).requests == 1020);
  CHECK(world.take_reports() == Texts{"0 dispatched", "0 answered", "0 dispatched", "0 answered"});
}

TEST_CASE("a client's rate may change while it sends, at a moment to come or at once") {
  World world;
  const auto clients = world.add(2);
  ArrivalSpec faster;
  faster.kind = "constant_rate";
  faster.parameters = {10};
  Workload workload = every(1);
  workload.duration = Seconds{20};
  workload.changes = {{Seconds{15}, faster}};
  world.dispatcher->set_workload(clients, workload, world.clock.now());
  const Time began = world.clock.now();
  const std::uint32_t one[] = {clients[0], 99};  // that one is another loop's
  world.dispatcher->change_arrival(one, faster, began + Seconds{2} + milliseconds{500});
  world.pass(Seconds{5});
  CHECK(world.dispatcher->counts(0).requests == 2 + 25);
  CHECK(world.dispatcher->counts(1).requests == 5);
  ArrivalSpec slower = faster;
  slower.parameters = {0.5};
  world.dispatcher->change_arrival(clients, slower, world.clock.now());
  world.pass(Seconds{6});
  CHECK(world.dispatcher->counts(0).requests == 27 + 3);
  CHECK(world.dispatcher->counts(1).requests == 5 + 3);
  // The change that the workload has itself comes too, and its end stays.
  world.pass(Seconds{100});
  CHECK(world.dispatcher->counts(0).requests == 27 + 4 + 50);
  CHECK(world.dispatcher->counts(1).requests == 5 + 4 + 50);
  CHECK(world.take_reports().size() == 4);
}

TEST_CASE("a change to a rate that ends ends a client that has nothing else to send") {
  World world;
  const auto client = world.add(1);
  world.dispatcher->set_workload(client, every(1), world.clock.now());
  world.pass(Seconds{3});
  ArrivalSpec none;
  none.kind = "steps";
  none.parameters = {0, 1, 1, 0.1};
  world.dispatcher->change_arrival(client, none, world.clock.now());
  world.pass(Seconds{3});
  CHECK(world.dispatcher->counts(0).requests == 3);
  CHECK(world.take_reports() == Texts{"0 dispatched", "0 answered"});
  world.dispatcher->change_arrival(client, every(1).arrival, world.clock.now());
  world.pass(Seconds{3});
  CHECK(world.dispatcher->counts(0).requests == 3);
}

TEST_CASE("nothing is told of a workload that was stopped or replaced before its end") {
  World world;
  world.service_time = Seconds{1};
  const auto client = world.add(1);
  world.dispatcher->set_workload(client, every(0.1, 3), world.clock.now());
  world.pass(milliseconds{350});
  CHECK(world.take_reports() == Texts{"0 dispatched"});
  world.dispatcher->set_workload(client, every(0.1, 2), world.clock.now());
  world.pass(milliseconds{150});
  world.dispatcher->stop_workload(client);
  world.pass(Seconds{10});
  CHECK(world.take_reports().empty());
  CHECK(world.dispatcher->ledger().answered == 4);
}

TEST_CASE("a report that waits to be told is dropped when its workload is replaced before") {
  World world;
  const auto client = world.add(1);
  world.dispatcher->set_workload(client, fed(), world.clock.now());
  world.dispatcher->set_workload(client, fed(), world.clock.now());
  world.pass(milliseconds{1});
  REQUIRE(world.reports.size() == 1);
  CHECK(world.reports[0].workload == 2);
}

TEST_CASE("answered means this workload's requests, whatever is under way of an older one") {
  World world;
  world.service_time = Seconds{10};
  const auto client = world.add(1);
  world.dispatcher->set_workload(client, every(0.1, 1), world.clock.now());
  world.pass(milliseconds{150});
  CHECK(world.take_reports() == Texts{"0 dispatched"});
  world.service_time = milliseconds{1};
  world.dispatcher->set_workload(client, every(0.1, 1), world.clock.now());
  world.pass(milliseconds{150});
  CHECK(world.take_reports() == Texts{"0 dispatched", "0 answered"});
  CHECK(world.dispatcher->in_flight() == 1);
}

TEST_CASE("an answer to an older workload's request is no answer to this one's") {
  World world;
  const auto client = world.add(1);
  SUBCASE("paced") {
    world.service_time = milliseconds{300};
    world.dispatcher->set_workload(client, every(0.1, 1), world.clock.now());
    world.pass(milliseconds{150});
    CHECK(world.take_reports() == Texts{"0 dispatched"});
    world.dispatcher->set_workload(client, every(0.1, 1), world.clock.now());
    world.pass(milliseconds{50});
    world.service_time = Seconds{1};
    world.pass(milliseconds{1000});  // the old one is answered meanwhile
    CHECK(world.dispatcher->ledger().answered == 1);
    CHECK(world.take_reports() == Texts{"0 dispatched"});
    world.pass(milliseconds{100});
    CHECK(world.take_reports() == Texts{"0 answered"});
  }
  SUBCASE("with lanes") {
    world.service_time = milliseconds{100};
    Workload workload;
    workload.connections = 2;
    world.dispatcher->set_workload(client, workload, world.clock.now());
    world.pass(milliseconds{50});
    world.dispatcher->set_workload(client, workload, world.clock.now());
    world.pass(milliseconds{70});
    CHECK(world.dispatcher->ledger().answered == 2);
    CHECK(world.requests.size() == 4);
  }
}

TEST_CASE("a workload may be set from the report of the last one's end") {
  World world;
  std::uint64_t more = 3;
  world.options.on_reports = [&](const std::vector<ClientReport>& list) {
    for (const ClientReport& report : list) {
      if (report.event != ClientEvent::kDispatched || more == 0) continue;
      --more;
      world.dispatcher->set_workload(std::vector{report.client}, as_fast_as_possible(4),
                                     world.clock.now());
    }
  };
  const auto client = world.add(1);
  world.dispatcher->set_workload(client, as_fast_as_possible(4), world.clock.now());
  world.pass(Seconds{1});
  CHECK(world.traces.all.size() == 16);
}

TEST_CASE("draws of 0 and below go at once") {
  World world;
  const auto client = world.add(1);
  Workload workload;
  workload.arrival.kind = "prerecorded";
  workload.arrival.recorded_s = {0.1, 0, -5, 0.1};
  const Time start = world.clock.now();
  world.dispatcher->set_workload(client, workload, start);
  world.pass(Seconds{1});
  CHECK(due_times(world, start) == std::vector<Duration>{milliseconds{100}, milliseconds{100},
                                                         milliseconds{100}, milliseconds{200}});
  CHECK(world.take_reports() == Texts{"0 dispatched", "0 answered"});
  Workload negative;
  negative.arrival = {"normalvariate", {-1, 0.1}, {}, "static"};
  negative.requests = 100;
  world.dispatcher->set_workload(client, negative, world.clock.now());
  world.pass(Seconds{1});
  CHECK(world.traces.all.size() == 104);
}

TEST_CASE("each workload of a client has draws of its own, the same ones with the same seed") {
  Workload workload;
  workload.arrival = {"expovariate", {100}, {}, "static"};
  workload.requests = 20;
  const auto draw = [&](std::uint32_t number) {
    World world;
    const auto client = world.add(1, {}, "s", number);
    std::vector<std::vector<Duration>> workloads;
    for (int i = 0; i < 3; ++i) {
      const Time start = world.clock.now();
      world.dispatcher->set_workload(client, workload, start);
      world.pass(Seconds{10});
      workloads.push_back(due_times(world, start));
      world.traces.all.clear();
    }
    return workloads;
  };
  const auto first = draw(0);
  CHECK(first[0].size() == 20);
  CHECK(first[0] != first[1]);
  CHECK(first[1] != first[2]);
  CHECK(draw(0) == first);
  CHECK(draw(1)[0] != first[0]);
  CHECK(draw(1)[0] != first[1]);
}

TEST_CASE("a client that is closed is gone when what it had sent is over") {
  World world;
  world.service_time = Seconds{1};
  const auto clients = world.add(3);
  world.dispatcher->set_workload(std::vector<std::uint32_t>{0, 1}, every(0.1), world.clock.now());
  world.pass(milliseconds{250});
  world.dispatcher->close_clients(clients);
  CHECK(world.dispatcher->clients() == 2);
  world.pass(Seconds{10});
  CHECK(world.dispatcher->clients() == 0);
  CHECK(world.dispatcher->in_flight() == 0);
  CHECK(world.dispatcher->ledger().answered == 4);
  CHECK(world.traces.all.size() == 4);
  CHECK(world.take_reports().empty());
}

TEST_CASE("a client's counts are its requests so far, and those without a good answer") {
  World world;
  const auto client = world.add(2);
  const std::vector<std::uint32_t> first{0};
  world.dispatcher->set_workload(first, every(0.1, 3), world.clock.now());
  world.pass(Seconds{1});
  CHECK(world.dispatcher->counts(0).requests == 3);
  CHECK(world.dispatcher->counts(0).failed == 0);
  world.answer_text = "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n";
  world.dispatcher->set_workload(first, every(0.1, 2), world.clock.now());
  world.pass(Seconds{1});
  world.service_time = Seconds{100};
  world.dispatcher->set_workload(first, every(0.1, 1), world.clock.now());
  world.pass(milliseconds{500});
  CHECK(world.dispatcher->counts(0).requests == 6);
  CHECK(world.dispatcher->counts(0).failed == 2);
  world.pass(Seconds{70});  // it has timed out
  CHECK(world.dispatcher->counts(0).failed == 3);
  CHECK(world.dispatcher->counts(1).requests == 0);
}

TEST_CASE("a redirect isn't followed any more once its workload is stopped") {
  World world;
  Request request;
  request.redirects_max = 5;
  const auto client = world.add(1, request);
  world.dispatcher->set_workload(client, every(0.1, 1), world.clock.now());
  world.answer_text = "HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n";
  world.service_time = milliseconds{100};
  world.pass(milliseconds{250});
  REQUIRE(world.requests.size() == 2);
  world.dispatcher->stop_workload(client);
  world.pass(Seconds{10});
  CHECK(world.requests.size() == 2);
  REQUIRE(world.traces.all.size() == 1);
  CHECK(world.traces.all[0].status == 302);
  CHECK(world.traces.all[0].failure == Failure::none);
}

TEST_CASE("a stream is asked for when it is half empty, and its client ends with it") {
  World world;
  const auto client = world.add(1);
  const Time start = world.clock.now();
  world.dispatcher->set_workload(client, fed(), start);
  world.pass(milliseconds{1});
  CHECK(world.take_reports() == Texts{"0 hungry"});
  const std::uint32_t workload = 1;
  world.dispatcher->feed(0, workload, std::vector<double>(kStreamCapacity, 0.001), false);
  world.pass(milliseconds{1});
  CHECK(world.take_reports().empty());
  world.pass(milliseconds{kStreamCapacity / 2 - 10});
  CHECK(world.take_reports().empty());
  world.pass(milliseconds{20});
  REQUIRE(world.reports.size() == 1);
  // One more than were sent: the next one is known already.
  CHECK(world.reports[0].taken == kStreamCapacity / 2);
  CHECK(world.take_reports() == Texts{"0 hungry"});
  world.dispatcher->feed(0, workload, {0.5, 0.5}, true);
  world.pass(milliseconds{kStreamCapacity / 2 + 2000});
  CHECK(world.take_reports() == Texts{"0 dispatched", "0 answered"});
  REQUIRE(world.traces.all.size() == kStreamCapacity + 2);
  CHECK(due_times(world, start).back() == milliseconds{kStreamCapacity} + Seconds{1});
  for (const wire::Trace& trace : world.traces.all) CHECK(trace.dispatched == trace.created);
}

TEST_CASE("an entry that comes late goes at once, and its lateness shows as scheduling delay") {
  World world;
  const auto client = world.add(1);
  const Time start = world.clock.now();
  world.dispatcher->set_workload(client, fed(), start);
  world.dispatcher->feed(0, 1, {0.1, 0.1}, false);
  world.pass(Seconds{1});
  CHECK(world.traces.all.size() == 2);
  CHECK(world.take_reports() == Texts{"0 hungry", "0 hungry"});
  world.dispatcher->feed(0, 1, {0.1, 2}, true);
  world.pass(Seconds{5});
  CHECK(due_times(world, start) == std::vector<Duration>{milliseconds{100}, milliseconds{200},
                                                         milliseconds{300}, milliseconds{2300}});
  CHECK(world.traces.all[2].dispatched - world.traces.all[2].created == milliseconds{700});
  CHECK(world.traces.all[3].dispatched == world.traces.all[3].created);
  CHECK(world.take_reports() == Texts{"0 dispatched", "0 answered"});
}

TEST_CASE("a stream that ends while its client waits for more ends the workload") {
  World world;
  const auto client = world.add(1);
  world.dispatcher->set_workload(client, fed(), world.clock.now());
  world.dispatcher->feed(0, 1, {0.1}, false);
  world.pass(Seconds{1});
  world.take_reports();
  world.dispatcher->feed(0, 1, {}, true);
  world.pass(Seconds{1});
  CHECK(world.take_reports() == Texts{"0 dispatched", "0 answered"});
  CHECK(world.traces.all.size() == 1);
}

TEST_CASE(
    "what is fed for a workload that was replaced, or for a client that is gone, is dropped") {
  World world;
  const auto client = world.add(1);
  world.dispatcher->set_workload(client, fed(), world.clock.now());
  world.dispatcher->set_workload(client, fed(), world.clock.now());
  world.dispatcher->feed(0, 1, {0.1}, true);
  world.dispatcher->feed(7, 1, {0.1}, true);
  world.pass(Seconds{1});
  CHECK(world.traces.all.empty());
  world.dispatcher->set_workload(client, every(0.1, 1), world.clock.now());
  world.dispatcher->feed(0, 3, {0.1}, true);  // it follows no stream
  world.pass(Seconds{1});
  CHECK(world.traces.all.size() == 1);
}

TEST_CASE("a thousand clients begin at one time, are replaced at one time, and stop at one time") {
  World world;
  world.options.connections_max = 5000;
  const auto clients = world.add(1000);
  const Time start = world.clock.now();
  world.dispatcher->set_workload(clients, every(0.5), start);
  world.pass(milliseconds{1100});
  CHECK(world.traces.all.size() == 2000);
  world.dispatcher->set_workload(clients, every(0.1, 1), world.clock.now());
  world.pass(milliseconds{200});
  CHECK(world.traces.all.size() == 3000);
  CHECK(world.reports.size() == 2000);
  world.dispatcher->set_workload(clients, every(0.1), world.clock.now());
  world.pass(milliseconds{150});
  world.dispatcher->stop_workload(clients);
  world.pass(Seconds{60});
  CHECK(world.traces.all.size() == 4000);
  world.dispatcher->close_clients(clients);
  CHECK(world.dispatcher->clients() == 0);
}

TEST_CASE("a phase and clients of no phase run side by side, each to its own end") {
  World world;
  const auto client = world.add(1, {}, "s", 100);
  world.dispatcher->set_workload(client, every(0.1, 30), world.clock.now());
  ClientSpec spec;
  spec.service = "s";
  spec.arrival.parameters = {0.1};
  spec.requests = 5;
  world.begin(spec);
  world.run();
  CHECK(world.done);
  CHECK(world.traces.all.size() == 10);
  world.done = false;
  world.pass(Seconds{10});
  CHECK(world.take_reports() == Texts{"100 dispatched", "100 answered"});
  CHECK(world.traces.all.size() == 35);
  world.begin(spec);  // its client has the number of the last phase's, which is gone
  world.run();
  CHECK(world.traces.all.size() == 40);
}

TEST_CASE("a workload that can't be is refused before it is set") {
  CHECK(check_workload(every(1)).ok());
  CHECK(check_workload(as_fast_as_possible()).ok());
  CHECK(check_workload(fed()).ok());
  Workload wrong = every(1);
  wrong.arrival.kind = "expovariat";
  CHECK(check_workload(wrong).error().hint == "did you mean 'expovariate'?");
  wrong = every(1);
  wrong.duration = Duration{0};
  CHECK_FALSE(check_workload(wrong).ok());
  wrong.arrival.kind = "prerecorded";
  CHECK_FALSE(check_workload(wrong).ok());
  wrong = as_fast_as_possible();
  wrong.changes = {{Seconds{1}, every(1).arrival}};
  CHECK_FALSE(check_workload(wrong).ok());
  wrong = every(1);
  wrong.changes = {{Seconds{1}, as_fast_as_possible().arrival}};
  CHECK_FALSE(check_workload(wrong).ok());
}
