// Hosts that change under clients and their requests.
#include <doctest/doctest.h>

#include "load/dispatcher_fixture.h"

using namespace galileo;
using namespace galileo::load;
using wire::Failure;

namespace {

using std::chrono::milliseconds;
using Seconds = std::chrono::seconds;
using Texts = std::vector<std::string>;

Workload every(double between_s) {
  Workload workload;
  workload.arrival.parameters = {between_s};
  return workload;
}

// A world that knows no service beforehand, and where "hN:80" is for N from 1 to 5.
struct Routes : World {
  explicit Routes(const std::string& router = "SymmetryHostRouter",
                  const std::string& static_host = "") {
    options.services.clear();
    options.other_services = ServiceSpec{"", {}, router, "wrr", static_host};
    make();
    for (const char n : {'1', '2', '3', '4', '5'})
      dispatcher->set_addresses(std::string("h") + n + ":80",
                                {*net::literal_address(std::string("10.0.0.") + n, 80)});
  }
  void set(std::vector<route::Host> hosts, const std::string& service = "s") {
    const auto set = dispatcher->set_hosts(service, std::move(hosts));
    REQUIRE_MESSAGE(set.ok(), set.error().to_text());
  }
  // The last digits of the addresses that requests went to, in order, and forgets them.
  std::string hosts() {
    std::string list;
    for (const Got& got : std::exchange(requests, {}))
      list += got.address.substr(got.address.find(':') - 1, 1);
    return list;
  }
};

}  // namespace

TEST_CASE("without a route requests aren't sent, and go on as soon as there is one") {
  Routes world;
  world.dispatcher->set_workload(world.add(1), every(0.1), world.clock.now());
  world.pass(milliseconds{250});
  CHECK(world.traces.all.size() == 2);
  CHECK(world.traces.all[0].failure == Failure::no_route);
  CHECK(world.traces.all[0].sent == kNoWall);
  CHECK(world.dispatcher->counts(0).failed == 2);
  world.set({{"h1:80", 1}});
  world.pass(milliseconds{200});
  CHECK(world.hosts() == "11");
  world.set({});
  world.pass(milliseconds{200});
  CHECK(world.hosts().empty());
  CHECK(world.dispatcher->ledger().of(Failure::no_route) == 4);
  world.set({{"h2:80", 1}});
  world.pass(milliseconds{200});
  CHECK(world.hosts() == "22");
}

TEST_CASE("lanes that wait for want of a route go on at once when there is one") {
  Routes world;
  Workload workload;
  workload.connections = 2;
  world.dispatcher->set_workload(world.add(1), workload, world.clock.now());
  world.pass(Seconds{20});  // each waits a second between two tries by now
  world.traces.all.clear();
  world.set({{"h1:80", 1}});
  world.pass(milliseconds{1});
  CHECK(world.hosts() == "11");
}

TEST_CASE("a lane whose time hasn't come isn't woken by a route") {
  Routes world;
  world.dispatcher->set_workload(world.add(1), Workload{}, world.clock.now() + Seconds{1});
  world.set({{"h1:80", 1}});
  world.pass(milliseconds{999});
  CHECK(world.hosts().empty());
}

TEST_CASE("a route serves only the clients of its service") {
  Routes world;
  world.dispatcher->set_workload(world.add(1), every(0.1), world.clock.now());
  world.set({{"h1:80", 1}}, "other");
  world.pass(milliseconds{150});
  CHECK(world.hosts().empty());
  CHECK(world.traces.names.at(world.traces.all[0].service) == "s");
}

TEST_CASE("round robin begins anew when the hosts change, for each client") {
  Routes world;
  world.set({{"h1:80", 2}, {"h2:80", 1}});
  world.dispatcher->set_workload(world.add(1), every(0.1), world.clock.now());
  world.pass(milliseconds{450});
  CHECK(world.hosts() == "1121");
  SUBCASE("new hosts") {
    world.set({{"h3:80", 2}, {"h4:80", 1}});
    world.pass(milliseconds{300});
    CHECK(world.hosts() == "334");
  }
  SUBCASE("new weights") {
    world.set({{"h1:80", 1}, {"h2:80", 2}});
    world.pass(milliseconds{300});
    CHECK(world.hosts() == "212");
  }
  SUBCASE("but not where nothing has changed") {
    world.set({{"h1:80", 2}, {"h2:80", 1}});
    world.pass(milliseconds{300});
    CHECK(world.hosts() == "121");
  }
}

TEST_CASE("requests under way end where they began, and their routing goes with the last") {
  Routes world;
  world.set({{"h1:80", 1}});
  Request request;
  request.method = "POST";
  request.has_body = true;
  request.body = std::string(100'000, 'x');
  world.dispatcher->set_workload(world.add(1, request), every(0.1), world.clock.now());
  world.service_time = milliseconds{250};
  // Half of each request is written, the rest when there is room again.
  world.pass(milliseconds{110});
  net::PipeEnd& first = world.connector.at(0);
  world.pass(milliseconds{90});
  first.write_limit = 0;
  world.set({{"h2:80", 1}});
  CHECK(world.dispatcher->retired_routings() == 1);
  world.set({{"h3:80", 1}});
  CHECK(world.dispatcher->retired_routings() == 1);  // nothing began with the one between
  world.pass(milliseconds{500});
  CHECK(world.dispatcher->retired_routings() == 0);
  CHECK(world.hosts().substr(0, 4) == "1133");
  for (const wire::Trace& trace : world.traces.all) CHECK(trace.status == 200);
  CHECK(world.traces.names.at(world.traces.all[0].server) == "h1:80");
}

TEST_CASE("a host that is no longer routed to keeps no connection") {
  Routes world;
  world.set({{"h1:80", 1}, {"h2:80", 1}});
  world.dispatcher->set_workload(world.add(1), every(0.1), world.clock.now());
  world.service_time = milliseconds{50};
  world.pass(milliseconds{280});
  CHECK(world.connector.made() == 2);
  SUBCASE("idle: at once") {
    world.set({{"h2:80", 1}});
    CHECK_FALSE(world.connector.at(0).open());
    CHECK(world.connector.at(1).open());
  }
  SUBCASE("another service goes there: it stays") {
    world.set({{"h1:80", 1}}, "other");
    world.set({{"h2:80", 1}});
    CHECK(world.connector.at(0).open());
    world.set({}, "other");
    CHECK_FALSE(world.connector.at(0).open());
  }
  SUBCASE("with a request under way: once that is over") {
    world.pass(milliseconds{40});  // the third went out to the first at 300 ms
    world.set({{"h2:80", 1}});
    CHECK(world.connector.at(0).open());
    world.pass(milliseconds{60});
    CHECK_FALSE(world.connector.at(0).open());
    world.pass(milliseconds{200});
    for (const wire::Trace& trace : world.traces.all) CHECK(trace.status == 200);
  }
}

TEST_CASE("a request that is half written when the hosts change is written to its end") {
  Routes world;
  world.set({{"h1:80", 1}});
  Request request;
  request.method = "POST";
  request.has_body = true;
  request.body = std::string(1000, 'x') + "end";
  Workload workload = every(0.1);
  workload.requests = 1;
  world.dispatcher->set_workload(world.add(1, request), workload, world.clock.now());
  world.clock.advance(milliseconds{100});
  world.timers.run_due(world.clock.now());
  net::PipeEnd& end = world.connector.at(0);
  end.write_limit = 500;
  end.connected();
  std::string got = end.take();
  CHECK(got.size() == 500);
  world.set({{"h2:80", 1}});
  world.set({});
  end.write_limit = std::size_t(-1);
  end.connected();
  got += end.take();
  CHECK(got.substr(got.size() - 4) == "xend");
  CHECK(got.find("Host: h1\r\n") != std::string::npos);
  end.send(kAnswer);
  REQUIRE(world.traces.all.size() == 1);
  CHECK(world.traces.all[0].status == 200);
  CHECK(world.dispatcher->retired_routings() == 0);
}

TEST_CASE("a client may be closed with requests under way on hosts that are gone") {
  Routes world;
  world.set({{"h1:80", 1}});
  const auto client = world.add(1);
  world.service_time = Seconds{1};
  world.dispatcher->set_workload(client, every(0.1), world.clock.now());
  world.pass(milliseconds{350});
  world.set({{"h2:80", 1}});
  world.dispatcher->close_clients(client);
  world.pass(Seconds{5});
  CHECK(world.dispatcher->clients() == 0);
  CHECK(world.dispatcher->ledger().answered == 3);
}

TEST_CASE("least_request forgets what is under way on hosts that were before") {
  Routes world;
  world.options.other_services->balancer = "least_request";
  world.make();
  for (const char n : {'1', '2', '3'})
    world.dispatcher->set_addresses(std::string("h") + n + ":80",
                                    {*net::literal_address(std::string("10.0.0.") + n, 80)});
  world.set({{"h1:80", 1}, {"h2:80", 1}});
  world.service_time = milliseconds{350};
  world.dispatcher->set_workload(world.add(1), every(0.1), world.clock.now());
  world.pass(milliseconds{250});
  world.set({{"h3:80", 1}, {"h1:80", 1}});
  world.pass(Seconds{2});
  CHECK(world.hosts().substr(0, 6) == "123131");
}

TEST_CASE("weights that can't be are an error, and the old route stays") {
  Routes world;
  world.set({{"h1:80", 1}});
  world.dispatcher->set_workload(world.add(1), every(0.1), world.clock.now());
  const auto zero = world.dispatcher->set_hosts("s", {{"h2:80", 0}, {"h3:80", 0}});
  REQUIRE_FALSE(zero.ok());
  CHECK(zero.error().what == "all hosts have the weight 0");
  CHECK_FALSE(world.dispatcher->set_hosts("s", {{"h2:80", -1}}).ok());
  world.pass(milliseconds{150});
  CHECK(world.hosts() == "1");
}

TEST_CASE("until it is known where a host is, requests to it aren't sent") {
  Routes world;
  world.set({{"name:80", 1}});
  world.dispatcher->set_workload(world.add(1), every(0.1), world.clock.now());
  world.pass(milliseconds{150});
  REQUIRE(world.traces.all.size() == 1);
  CHECK(world.traces.all[0].failure == Failure::no_address);
  CHECK(world.traces.all[0].sent == kNoWall);
  world.dispatcher->set_addresses("name:80", {*net::literal_address("10.0.0.9", 80)});
  world.pass(milliseconds{100});
  CHECK(world.hosts() == "9");
}

TEST_CASE("each router makes its own path and host, for services that weren't known before") {
  const auto first_line = [](const std::string& router) {
    Routes world(router, "http://h5:80/base");
    world.set({{"h1:80", 1}}, "img");
    Request request;
    request.path = "/x?y=1";
    world.dispatcher->set_workload(world.add(1, request, "img"), every(0.1), world.clock.now());
    world.pass(milliseconds{150});
    if (world.requests.empty()) return std::string("nothing");
    const std::string text = world.requests[0].text;
    return text.substr(4, text.find(" HTTP") - 4) + " " + world.hosts();
  };
  CHECK(first_line("SymmetryHostRouter") == "/x?y=1 1");
  CHECK(first_line("CachingSymmetryServiceRouter") == "/img/x?y=1 1");
  CHECK(first_line("StaticRouter") == "/base/x?y=1 5");
  CHECK(first_line("DebugRouter") == "nothing");
}

TEST_CASE("a service that isn't known is an error where others aren't allowed") {
  World world;
  world.make();
  const ClientIdentity identity{1, "w:t:1", "0123456789", 1};
  const auto added = world.dispatcher->add_clients("t", {}, std::span(&identity, 1));
  REQUIRE_FALSE(added.ok());
  CHECK(added.error().what == "no service is called 't'");
  CHECK_FALSE(world.dispatcher->set_hosts("t", {{"h:80", 1}}).ok());
  CHECK(world.dispatcher->clients() == 0);
}

TEST_CASE("equal clients that are added one by one share the bytes of their request") {
  Routes world;
  world.set({{"h1:80", 1}});
  for (std::uint32_t n = 0; n < 3; ++n) world.add(1, {}, "s", n);
  world.service_time = Seconds{1};
  world.dispatcher->set_workload(std::vector<std::uint32_t>{0, 1, 2}, every(0.1),
                                 world.clock.now());
  world.pass(milliseconds{150});
  world.set({{"h2:80", 1}});
  CHECK(world.dispatcher->retired_routings() == 1);
}
