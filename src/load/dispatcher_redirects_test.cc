#include <doctest/doctest.h>

#include "load/dispatcher_fixture.h"

namespace galileo::load {
namespace {

using std::chrono::milliseconds;
using wire::Failure;
using Seconds = std::chrono::seconds;

std::string moved(const std::string& location, const std::string& more = {}) {
  return "HTTP/1.1 302 Found\r\nLocation: " + location + "\r\n" + more +
         "Content-Length: 0\r\n\r\n";
}

// One request, of which each connection's next bytes are scripted by the test.
struct Hops : World {
  explicit Hops(std::uint32_t redirects_max = 5, Duration timeout = Seconds{60}) {
    options.on_unknown_host = [this](const std::string& host) { asked.push_back(host); };
    spec.service = "s";
    spec.arrival.parameters = {0.01};
    spec.requests = 1;
    spec.request.redirects_max = redirects_max;
    spec.request.timeout = timeout;
  }
  void start_it() {
    begin(spec);
    clock.advance(milliseconds{10});
    timers.run_due(clock.now());
  }
  // The request on that connection, which was just made where it is new.
  std::string take(std::size_t connection) {
    if (connection >= accepted) {
      connector.at(connection).connected();
      accepted = connection + 1;
    }
    return connector.at(connection).take();
  }
  void pass_to(Duration time) {
    clock.advance(time);
    timers.run_due(clock.now());
  }
  const wire::Trace& trace() {
    REQUIRE(traces.all.size() == 1);
    return traces.all[0];
  }
  ClientSpec spec;
  std::vector<std::string> asked;
};

TEST_CASE("a redirect to another address is asked there, and the trace says that server") {
  Hops hops;
  hops.start_it();
  hops.take(0);
  hops.connector.at(0).send(moved("http://127.0.0.2:8080/next"));
  REQUIRE(hops.connector.made() == 2);
  CHECK(hops.connector.at(1).address.to_text() == "127.0.0.2:8080");
  CHECK(hops.take(1).starts_with("GET /next HTTP/1.1\r\nHost: 127.0.0.2:8080\r\n"));
  hops.connector.at(1).send(kAnswer);
  CHECK(hops.trace().status == 200);
  CHECK(hops.traces.names.at(hops.trace().server) == "127.0.0.2:8080");
}

TEST_CASE("a redirect to a host's name waits for its address, and goes on") {
  Hops hops;
  hops.start_it();
  hops.take(0);
  hops.connector.at(0).send(moved("http://elsewhere/next"));
  CHECK(hops.asked == std::vector<std::string>{"elsewhere:80"});
  CHECK(hops.traces.all.empty());
  hops.dispatcher->set_addresses("elsewhere:80", {*net::literal_address("127.0.0.3", 80)});
  REQUIRE(hops.connector.made() == 2);
  CHECK(hops.take(1).starts_with("GET /next HTTP/1.1\r\nHost: elsewhere\r\n"));
  hops.connector.at(1).send(kAnswer);
  CHECK(hops.trace().failure == Failure::none);
  CHECK(hops.dispatcher->ledger().sent == 1);
}

TEST_CASE("a redirect to a host that nobody knows is a failure of its own, and was sent") {
  Hops hops;
  SUBCASE("the name server says no") {
    hops.start_it();
    hops.take(0);
    hops.connector.at(0).send(moved("http://nowhere.invalid/"));
    hops.dispatcher->no_addresses("nowhere.invalid:80");
  }
  SUBCASE("nobody is there to be asked") {
    hops.options.on_unknown_host = nullptr;
    hops.start_it();
    hops.take(0);
    hops.connector.at(0).send(moved("http://nowhere.invalid/"));
  }
  SUBCASE("an address of the family that isn't wanted") {
    hops.options.limits.address_family = 4;
    hops.start_it();
    hops.take(0);
    hops.connector.at(0).send(moved("http://[::1]/"));
  }
  SUBCASE("another scheme") {
    hops.start_it();
    hops.take(0);
    hops.connector.at(0).send(moved("ftp://h/"));
  }
  CHECK(hops.trace().failure == Failure::bad_redirect);
  CHECK(hops.trace().status == -1);
  CHECK(hops.trace().sent != kNoWall);
  CHECK(hops.dispatcher->ledger().sent == 1);
  CHECK(hops.dispatcher->ledger().failed() == 1);
  CHECK(hops.dispatcher->ledger().not_sent() == 0);
}

TEST_CASE("bytes are those of all hops, in and out") {
  Hops hops;
  hops.start_it();
  std::size_t out = hops.take(0).size();
  const std::string first = moved("/a");
  const std::string second = moved("/b", "X-Long: " + std::string(100, 'x') + "\r\n");
  hops.connector.at(0).send(first);
  out += hops.take(0).size();
  hops.connector.at(0).send(second);
  out += hops.take(0).size();
  hops.connector.at(0).send(kAnswer);
  CHECK(hops.trace().request_bytes == out);
  CHECK(hops.trace().response_bytes == first.size() + second.size() + std::string(kAnswer).size());
}

TEST_CASE("the time-out is for all hops together") {
  Hops hops(5, milliseconds{100});
  hops.start_it();
  hops.take(0);
  hops.pass_to(milliseconds{60});
  SUBCASE("the answer to a later hop is late") {
    hops.connector.at(0).send(moved("/a"));
    hops.take(0);
    hops.pass_to(milliseconds{39});
    CHECK(hops.traces.all.empty());
    hops.pass_to(milliseconds{1});
  }
  SUBCASE("the name server is late") {
    hops.connector.at(0).send(moved("http://elsewhere/"));
    hops.pass_to(milliseconds{40});
    hops.dispatcher->set_addresses("elsewhere:80", {*net::literal_address("127.0.0.3", 80)});
    CHECK(hops.connector.made() == 1);
  }
  CHECK(hops.trace().failure == Failure::timeout);
  CHECK(hops.trace().status == -1);
  CHECK(hops.since_start(hops.trace().done) == milliseconds{110});
}

TEST_CASE("a stop while a redirect waits for an address makes the redirect the answer") {
  Hops hops;
  const auto client = hops.add(1, hops.spec.request);
  Workload workload;
  workload.arrival.parameters = {0.01};
  workload.requests = 1;
  hops.dispatcher->set_workload(client, workload, hops.clock.now());
  hops.pass_to(milliseconds{10});
  hops.take(0);
  hops.connector.at(0).send(moved("http://elsewhere/"));
  SUBCASE("a workload's") {
    hops.dispatcher->stop_workload(client);
    CHECK(hops.trace().status == 302);
    CHECK(hops.trace().failure == Failure::none);
    CHECK(hops.trace().first_byte != kNoWall);
  }
  SUBCASE("of all, at once") {
    hops.dispatcher->end_all();
    CHECK(hops.trace().failure == Failure::unfinished);
  }
  hops.dispatcher->set_addresses("elsewhere:80", {*net::literal_address("127.0.0.3", 80)});
  CHECK(hops.connector.made() == 1);
  CHECK(hops.dispatcher->in_flight() == 0);
}

TEST_CASE("a next hop that finds no connection to be had isn't a request that wasn't sent") {
  Hops hops(5, milliseconds{100});
  hops.options.connections_max = 1;
  hops.spec.requests = 2;
  hops.start_it();
  hops.take(0);
  hops.pass_to(milliseconds{10});                            // the second waits for the connection
  hops.connector.at(0).send(moved("http://127.0.0.2:81/"));  // and gets it before the first's hop
  hops.pass_to(milliseconds{90});
  CHECK(hops.trace().failure == Failure::timeout);
  hops.pass_to(milliseconds{100});
  REQUIRE(hops.traces.all.size() == 2);
  for (const wire::Trace& trace : hops.traces.all) CHECK(trace.failure == Failure::timeout);
  CHECK(hops.dispatcher->ledger().sent == 2);
}

TEST_CASE("which answers are failures is a setting; the old wire's count isn't") {
  struct Row {
    int status;
    const char* fail_on;  // null: not said
    bool fails;
    bool failed_of_old;
  };
  const Row rows[] = {
      {200, nullptr, false, false}, {302, nullptr, false, true},  {304, nullptr, false, true},
      {404, nullptr, true, true},   {503, nullptr, true, true},   {404, "500-599", false, true},
      {503, "500-599", true, true}, {302, "300-999", true, true}, {204, "200-299", true, false},
      {500, "none", false, true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.status);
    World world;
    if (row.fail_on) world.options.limits.fail_on = *wire::StatusSet::parse(row.fail_on);
    world.answer_text =
        "HTTP/1.1 " + std::to_string(row.status) + " X\r\nContent-Length: 0\r\n\r\n";
    const auto client = world.add(1);
    Workload workload;
    workload.arrival.parameters = {0.01};
    workload.requests = 1;
    world.dispatcher->set_workload(client, workload, world.clock.now());
    world.pass(Seconds{1});
    REQUIRE(world.traces.all.size() == 1);
    CHECK(world.traces.all[0].status == row.status);
    CHECK((world.traces.all[0].failure == Failure::status) == row.fails);
    CHECK(world.dispatcher->counts(0).failed == (row.failed_of_old ? 1 : 0));
    CHECK(world.dispatcher->ledger().answered == (row.fails ? 0 : 1));
  }
}

}  // namespace
}  // namespace galileo::load
