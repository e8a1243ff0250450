// Which distributed traces requests say they belong to, and what their records keep of it.
#include <doctest/doctest.h>

#include <set>

#include "load/dispatcher_fixture.h"
#include "wire/head_lines.h"

namespace galileo::load {
namespace {

using std::chrono::milliseconds;

std::string said(const std::string& message) {
  return std::string(wire::header_of(message, "traceparent"));
}

// Five requests, one each 10 ms.
struct Traced : World {
  explicit Traced(std::optional<double> share = 1) {
    spec.service = "s";
    spec.arrival.parameters = {0.01};
    spec.requests = 5;
    spec.request.traceparent = share;
  }
  void all() {
    begin(spec);
    run();
    REQUIRE(requests.size() == 5);
    REQUIRE(traces.all.size() == 5);
  }
  ClientSpec spec;
};

TEST_CASE("each request says a trace of its own, which its record has") {
  Traced world;
  world.all();
  std::set<std::string> ids;
  for (std::size_t i = 0; i < 5; ++i) {
    const std::string text = world.requests[i].text;
    INFO(text);
    CHECK(text.starts_with("GET / HTTP/1.1\r\nHost: h\r\ntraceparent: 00-"));
    CHECK(said(text).ends_with("-01"));
    CHECK(text.ends_with("Accept: */*\r\n\r\n"));
    const auto read = wire::parse_traceparent(said(text));
    REQUIRE(read);
    CHECK(read->trace == world.traces.all[i].trace_id);
    CHECK(read->span == wire::span_of(read->trace));
    CHECK(world.traces.all[i].request_bytes == text.size());
    ids.insert(said(text));
  }
  CHECK(ids.size() == 5);
}

TEST_CASE("the same seed has the same traces, for any number of loops") {
  Traced one;
  one.all();
  std::set<std::string> ids;
  for (const auto& got : one.requests) ids.insert(said(got.text));
  for (std::uint32_t loop = 0; loop < 2; ++loop) {
    Traced part;
    part.begin(part.spec, {loop, 2});
    part.run();
    for (const auto& got : part.requests) CHECK(ids.erase(said(got.text)) == 1);
  }
  CHECK(ids.empty());
}

TEST_CASE("nothing is said and nothing recorded where nobody asked for it") {
  Traced world(std::nullopt);
  world.all();
  CHECK(said(world.requests[0].text).empty());
  CHECK(world.traces.all[0].trace_id.is_none());
}

TEST_CASE("of a share that is 0 no request is marked as sampled, and all say their traces") {
  Traced world(0);
  world.all();
  for (const auto& got : world.requests) CHECK(said(got.text).ends_with("-00"));
}

TEST_CASE("a request that has the header keeps it, and its record the trace that it names") {
  Traced world;
  const std::string own = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
  world.spec.request.headers = {{"TraceParent", own}};
  world.all();
  CHECK(said(world.requests[0].text) == own);
  CHECK(world.requests[0].text.find("traceparent: ") == std::string::npos);
  CHECK(to_text(world.traces.all[0].trace_id) == "4bf92f3577b34da6a3ce929d0e0e4736");
}

TEST_CASE("a header that names no trace is sent as it is, and its record has none") {
  Traced world;
  world.spec.request.headers = {{"traceparent", "mine"}};
  world.all();
  CHECK(said(world.requests[0].text) == "mine");
  CHECK(world.traces.all[0].trace_id.is_none());
}

TEST_CASE("a body goes out whole behind the header") {
  Traced world;
  world.spec.request.method = "POST";
  world.spec.request.has_body = true;
  world.spec.request.body = "a=1\r\n\r\nb";
  world.all();
  CHECK(world.requests[0].text.ends_with("Content-Length: 8\r\n\r\na=1\r\n\r\nb"));
  CHECK(wire::parse_traceparent(said(world.requests[0].text)));
}

TEST_CASE("all hops of a request say the same trace and span, and it is one record") {
  World world;
  ClientSpec spec;
  spec.service = "s";
  spec.arrival.parameters = {0.01};
  spec.requests = 1;
  spec.request.redirects_max = 3;
  spec.request.traceparent = 1;
  world.begin(spec);
  world.clock.advance(milliseconds{10});
  world.timers.run_due(world.clock.now());
  world.connector.at(0).connected();
  const std::string first = world.connector.at(0).take();
  world.connector.at(0).send(
      "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2:8080/next\r\nContent-Length: 0\r\n\r\n");
  REQUIRE(world.connector.made() == 2);
  world.connector.at(1).connected();
  const std::string second = world.connector.at(1).take();
  world.connector.at(1).send(kAnswer);
  CHECK_FALSE(said(first).empty());
  CHECK(said(second) == said(first));
  REQUIRE(world.traces.all.size() == 1);
  CHECK(wire::parse_traceparent(said(first))->trace == world.traces.all[0].trace_id);
  CHECK(world.traces.all[0].request_bytes == first.size() + second.size());
}

TEST_CASE("clients of a run that share a worker's seed have other traces than each other") {
  World world;
  Request request;
  request.traceparent = 1;
  const auto clients = world.add(2, request);
  Workload workload;
  workload.arrival.parameters = {0.01};
  workload.requests = 3;
  std::set<std::string> ids;
  for (const std::uint64_t stream : {0u, 1u}) {
    workload.draws = {{42, stream}};
    world.dispatcher->set_workload(std::vector<std::uint32_t>{clients[stream]}, workload,
                                   world.clock.now());
  }
  world.pass(std::chrono::seconds{1});
  for (const auto& got : world.requests) ids.insert(said(got.text));
  CHECK(ids.size() == 6);
  CHECK(ids.contains(said(world.requests[0].text)));
  const wire::TraceId expected = wire::TraceIds(42, 0).of(1);
  CHECK(std::any_of(world.traces.all.begin(), world.traces.all.end(),
                    [&](const wire::Trace& trace) { return trace.trace_id == expected; }));
}

}  // namespace
}  // namespace galileo::load
