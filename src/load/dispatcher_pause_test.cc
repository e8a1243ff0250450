// Pauses: the schedule is shifted by them, the end stays, and the books say what had no place left.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "load/dispatcher_fixture.h"

using namespace galileo;
using namespace galileo::load;
using std::chrono::milliseconds;
using Failure = wire::Failure;
using WholeSeconds = std::chrono::seconds;

namespace {

Workload paused_workload(double rps) {
  Workload workload;
  workload.arrival.kind = "constant_rate";
  workload.arrival.parameters = {rps};
  workload.phase = "main";
  return workload;
}

// When the requests that were sent had become due, in milliseconds since `from`.
std::vector<std::int64_t> sent_at(const World& world, Time from) {
  std::vector<std::int64_t> times;
  for (const wire::Trace& trace : world.traces.all) {
    if (trace.failure == Failure::none)
      times.push_back((world.options.wall_clock.monotonic(trace.created) - from) / milliseconds{1});
  }
  return times;
}

std::size_t displaced(const World& world) {
  return static_cast<std::size_t>(
      std::count_if(world.traces.all.begin(), world.traces.all.end(),
                    [](const wire::Trace& one) { return one.failure == Failure::paused; }));
}

}  // namespace

TEST_CASE("a pause shifts what is due: nothing during it, no burst behind it") {
  World world;
  const auto clients = world.add(1);
  Workload workload = paused_workload(10);
  workload.requests = 20;
  const Time began = world.clock.now();
  world.dispatcher->set_workload(clients, workload, began);
  world.pass(milliseconds{550});
  world.dispatcher->pause(clients, world.clock.now(), {});
  world.pass(WholeSeconds{3});
  CHECK(world.requests.size() == 5);
  world.dispatcher->go_on(clients, world.clock.now(), {});
  world.pass(WholeSeconds{10});
  std::vector<std::int64_t> wanted;
  for (int i = 1; i <= 20; ++i) wanted.push_back(i * 100 + (i > 5 ? 3000 : 0));
  CHECK(sent_at(world, began) == wanted);
  CHECK(displaced(world) == 0);
  CHECK(world.dispatcher->ledger().intended == 20);
  CHECK(world.take_reports() == std::vector<std::string>{"0 dispatched", "0 answered"});
}

TEST_CASE("a pause goes before a start, twice is once, and what isn't paused goes on") {
  World world;
  const auto clients = world.add(2);
  Workload workload = paused_workload(10);
  workload.requests = 2;
  const Time began = world.clock.now();
  world.dispatcher->set_workload(clients, workload, began + WholeSeconds{1});
  const std::uint32_t one[] = {clients[0], 99};
  world.dispatcher->pause(one, began, {});
  world.pass(milliseconds{500});
  world.dispatcher->pause(one, world.clock.now(), {});
  world.pass(milliseconds{1500});
  CHECK(world.dispatcher->counts(0).requests == 0);
  CHECK(world.dispatcher->counts(1).requests == 2);
  world.dispatcher->go_on(clients, world.clock.now(), {});
  world.pass(milliseconds{150});
  CHECK(world.dispatcher->counts(0).requests == 1);
  world.dispatcher->go_on(clients, world.clock.now(), {});
  world.pass(milliseconds{150});
  CHECK(world.dispatcher->counts(0).requests == 2);
}

TEST_CASE("the end stays where it is, and what had no place before it is told as not sent") {
  World world;
  const auto clients = world.add(1);
  Workload workload = paused_workload(10);
  workload.duration = WholeSeconds{4};
  const Time began = world.clock.now();
  world.dispatcher->set_workload(clients, workload, began);
  world.pass(milliseconds{1050});
  world.dispatcher->pause(clients, world.clock.now(), {});
  world.pass(milliseconds{1500});
  world.dispatcher->go_on(clients, world.clock.now(), {});
  world.pass(WholeSeconds{10});
  const auto times = sent_at(world, began);
  CHECK(times.size() == 25);
  CHECK(times.back() == 4000);
  CHECK(displaced(world) == 15);
  const Ledger& ledger = world.dispatcher->ledger();
  CHECK(ledger.intended == 40);
  CHECK(ledger.of(Failure::paused) == 15);
  CHECK(ledger.intended == ledger.sent + ledger.not_sent());
  CHECK(world.take_reports() == std::vector<std::string>{"0 dispatched", "0 answered"});
}

TEST_CASE("a client that is paused at its end ends there") {
  World world;
  const auto clients = world.add(1);
  Workload workload = paused_workload(10);
  workload.duration = WholeSeconds{2};
  world.dispatcher->set_workload(clients, workload, world.clock.now());
  world.pass(milliseconds{1050});
  world.dispatcher->pause(clients, world.clock.now(), {});
  world.pass(WholeSeconds{2});
  CHECK(displaced(world) == 10);
  CHECK(world.take_reports() == std::vector<std::string>{"0 dispatched", "0 answered"});
  world.dispatcher->go_on(clients, world.clock.now(), {});
  world.pass(WholeSeconds{2});
  CHECK(world.dispatcher->ledger().intended == 20);
  // And the next workload isn't paused.
  world.dispatcher->set_workload(clients, workload, world.clock.now());
  world.pass(WholeSeconds{3});
  CHECK(world.dispatcher->ledger().answered == 30);
}

TEST_CASE("a rate that is changed during a pause holds behind it") {
  World world;
  const auto clients = world.add(1);
  Workload workload = paused_workload(10);
  workload.requests = 15;
  const Time began = world.clock.now();
  world.dispatcher->set_workload(clients, workload, began);
  world.pass(milliseconds{550});
  world.dispatcher->pause(clients, world.clock.now(), "main (2)");
  world.pass(milliseconds{450});
  world.dispatcher->change_arrival(clients, paused_workload(100).arrival,
                                   world.clock.now() + milliseconds{10}, "main (3)");
  world.pass(WholeSeconds{1});
  world.dispatcher->go_on(clients, world.clock.now(), "main (4)");
  world.pass(WholeSeconds{2});
  std::vector<std::int64_t> wanted{100, 200, 300, 400, 500};
  for (int i = 1; i <= 10; ++i) wanted.push_back(2000 + i * 10);
  CHECK(sent_at(world, began) == wanted);
  CHECK(world.traces.names.at(world.traces.all.front().phase) == "main");
  CHECK(world.traces.names.at(world.traces.all.back().phase) == "main (4)");
}

TEST_CASE("a request belongs to the part in which it became due") {
  World world;
  world.service_time = milliseconds{250};
  const auto clients = world.add(1);
  Workload workload = paused_workload(10);
  workload.requests = 4;
  world.dispatcher->set_workload(clients, workload, world.clock.now());
  world.pass(milliseconds{220});
  world.dispatcher->change_arrival(clients, workload.arrival, world.clock.now(), "main (2)");
  world.pass(WholeSeconds{2});
  std::vector<std::string> parts;
  for (const wire::Trace& trace : world.traces.all)
    parts.emplace_back(world.traces.names.at(trace.phase));
  CHECK(parts == std::vector<std::string>{"main", "main", "main (2)", "main (2)"});
}

TEST_CASE("lanes rest while they are paused, and their end in time comes all the same") {
  World world;
  const auto clients = world.add(1);
  Workload workload;
  workload.closed_loop = true;
  workload.connections = 3;
  workload.duration = WholeSeconds{1};
  world.dispatcher->set_workload(clients, workload, world.clock.now());
  world.pass(milliseconds{100});
  const std::uint64_t before = world.dispatcher->counts(0).requests;
  CHECK(before > 200);
  world.dispatcher->pause(clients, world.clock.now(), {});
  world.pass(milliseconds{500});
  CHECK(world.dispatcher->counts(0).requests == before);
  CHECK(world.dispatcher->in_flight() == 0);
  SUBCASE("they go on") {
    world.dispatcher->go_on(clients, world.clock.now(), {});
    world.pass(milliseconds{100});
    CHECK(world.dispatcher->counts(0).requests > before + 200);
  }
  SUBCASE("they are over") {
    world.pass(milliseconds{600});
    CHECK(world.take_reports() == std::vector<std::string>{"0 dispatched", "0 answered"});
  }
}

TEST_CASE("a stripe of a client that is paused shares its shift with the others") {
  std::vector<std::int64_t> together;
  for (std::uint32_t index = 0; index < 2; ++index) {
    World world;
    ClientSpec spec;
    spec.service = "s";
    spec.arrival = paused_workload(10).arrival;
    spec.requests = 10;
    world.begin(spec, {index, 2});
    world.run(milliseconds{450});
    const std::uint32_t client[] = {0};
    world.dispatcher->pause(client, world.start + milliseconds{450}, {});
    world.run(milliseconds{1450});
    world.dispatcher->go_on(client, world.start + milliseconds{1450}, {});
    world.run();
    for (const std::int64_t at : sent_at(world, world.start)) together.push_back(at);
  }
  std::sort(together.begin(), together.end());
  CHECK(together ==
        std::vector<std::int64_t>{100, 200, 300, 400, 1500, 1600, 1700, 1800, 1900, 2000});
}
