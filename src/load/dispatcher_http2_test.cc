// Load over HTTP/2: lanes, places and what the traces say of them.
#include <doctest/doctest.h>

#include "load/dispatcher_fixture.h"
#include "net/http2_fixture.h"

using namespace galileo;
using namespace galileo::load;

namespace {

// A world whose server speaks HTTP/2 and answers all that it was asked, when the test says so.
struct StreamWorld : World {
  explicit StreamWorld(std::size_t connections_max) : World(connections_max) {}

  Request request(std::uint32_t streams, std::uint32_t connections = 0) const {
    Request one;
    one.http.prior_knowledge = true;
    one.http.streams = streams;
    one.http.connections = connections;
    return one;
  }
  // Connects what wants to; streams that were asked for on each connection since the last time.
  std::vector<std::size_t> asked() {
    std::vector<std::size_t> counts;
    for (std::size_t i = 0; i < connector.made(); ++i) {
      net::PipeEnd& end = connector.at(i);
      if (i >= accepted) end.connected();
      counts.push_back(0);
      for (const net::Frame& frame : net::frames_of(end.take())) {
        if (frame.type != net::Frame::kHeaders) continue;
        ++counts.back();
        open.emplace_back(i, frame.stream);
      }
    }
    accepted = connector.made();
    return counts;
  }
  void answer_all() {
    for (const auto& [connection, stream] : std::exchange(open, {}))
      connector.at(connection)
          .send((greeted.insert(connection).second ? net::settings() : "") + net::ok(stream));
  }
  void advance(Duration time) {
    clock.advance(time);
    timers.run_due(clock.now());
  }

  std::vector<std::pair<std::size_t, std::uint32_t>> open;
  std::set<std::size_t> greeted;
};

using Counts = std::vector<std::size_t>;

}  // namespace

TEST_CASE("a closed loop has as many lanes as its connections have streams") {
  StreamWorld world(100);
  const auto clients = world.add(1, world.request(3));
  Workload workload;
  workload.closed_loop = true;
  workload.connections = 2;
  workload.requests = 20;
  world.dispatcher->set_workload(clients, workload, world.clock.now());
  world.advance(Duration{0});
  CHECK(world.asked() == Counts{3, 3});
  while (world.traces.all.size() < 20) {
    world.advance(std::chrono::milliseconds{2});
    world.answer_all();
    world.asked();
  }
  CHECK(world.connector.made() == 2);
  for (const wire::Trace& trace : world.traces.all) {
    CHECK(trace.status == 200);
    CHECK(world.traces.names.at(trace.protocol) == "HTTP/2");
    CHECK(trace.queued == kNoDuration);
    CHECK(trace.request_bytes > 9);
    CHECK(trace.request_bytes < 80);
    CHECK(trace.response_bytes == 9 + 1 + 9 + 2);
  }
  const HttpCounts counts = world.dispatcher->http_counts();
  CHECK(counts.over_2 == 20);
  CHECK(counts.over_1 == 0);
  CHECK(counts.connections_made == 2);
}

TEST_CASE("who waits for a stream is late by that, and the schedule goes on") {
  StreamWorld world(100);
  const auto clients = world.add(1, world.request(1, 1));
  Workload workload;
  workload.arrival = {"constant", {0.01}, {}, "static"};
  workload.requests = 3;
  world.dispatcher->set_workload(clients, workload, world.clock.now());
  for (int i = 0; i < 3; ++i) world.advance(std::chrono::milliseconds{10});
  CHECK(world.asked() == Counts{1});
  world.advance(std::chrono::milliseconds{5});
  for (int i = 0; i < 3; ++i) {
    world.answer_all();
    world.asked();
  }
  REQUIRE(world.traces.all.size() == 3);
  const auto& all = world.traces.all;
  for (std::size_t i = 1; i < 3; ++i) {
    CHECK(all[i].created - all[i - 1].created == std::chrono::milliseconds{10});
    CHECK(all[i].queued == all[i].dispatched - all[i].created);
  }
  CHECK(all[0].queued == kNoDuration);
  CHECK(all[1].queued == std::chrono::milliseconds{15});
  CHECK(all[2].queued == std::chrono::milliseconds{5});
}

TEST_CASE("a server that refuses everything at once isn't asked without a pause") {
  StreamWorld world(100);
  const auto clients = world.add(1, world.request(1));
  Workload workload;
  workload.closed_loop = true;
  workload.connections = 1;
  world.dispatcher->set_workload(clients, workload, world.clock.now());
  world.advance(Duration{0});
  for (int i = 0; i < 1000; ++i) {
    world.asked();
    for (const auto& [connection, stream] : std::exchange(world.open, {}))
      world.connector.at(connection).send(net::settings() + net::reset(stream, 2));
    world.advance(std::chrono::milliseconds{1});
  }
  CHECK(world.traces.all.size() < 12);
  CHECK(world.traces.all.front().failure == wire::Failure::http2_reset);
}

TEST_CASE("a request that isn't kept alive says so to HTTP/1.1, and its connection ends") {
  World world;
  ClientSpec spec;
  spec.service = "s";
  spec.name = "c";
  spec.closed_loop = true;
  spec.connections = 1;
  spec.requests = 3;
  spec.request.http.keep_alive = false;
  world.begin(spec, {}, 1);
  world.run();
  REQUIRE(world.traces.all.size() == 3);
  CHECK(world.connector.made() == 3);
  for (const auto& got : world.requests)
    CHECK(got.text.find("Connection: close\r\n") != std::string::npos);
  CHECK(world.dispatcher->http_counts().over_1 == 3);
  CHECK(world.traces.all[0].protocol == 0);
}
