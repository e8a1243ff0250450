#include "fleet/controller.h"

#include "fleet/controller_fixture.h"

using namespace galileo;
using namespace galileo::fleet;
using std::chrono::milliseconds;
using Texts = std::vector<std::string>;
using Counts = std::map<std::string, std::uint64_t>;

TEST_CASE("Clients go where the fewest are, the first by name among equals") {
  CHECK(place_clients(5, {{"node-b", 0}, {"node-c", 0}}) == Counts{{"node-b", 3}, {"node-c", 2}});
  CHECK(place_clients(3, {{"a", 4}, {"b", 1}, {"c", 3}}) == Counts{{"b", 3}});
  CHECK(place_clients(5, {{"a", 4}, {"b", 1}, {"c", 3}}) == Counts{{"b", 3}, {"c", 1}, {"a", 1}});
  CHECK(place_clients(1, {{"a", 9}}) == Counts{{"a", 1}});
}

TEST_CASE("All labels must be there with their values; none wanted: every worker does") {
  const std::map<std::string, std::string> labels{{"zone", "edge"}, {"arch", "arm64"}};
  CHECK(labels_match({}, labels));
  CHECK(labels_match({{"zone", "edge"}, {"arch", "arm64"}}, labels));
  CHECK_FALSE(labels_match({{"zone", "edge"}, {"arch", "x86"}}, labels));
  CHECK_FALSE(labels_match({{"unknown", "edge"}}, labels));
}

TEST_CASE("Workers of both kinds are seen: with labels, clients, and a heartbeat where they have") {
  const auto bus = bus::make_in_process();
  FakeWorker old(*bus, "old", {{"galileo_zone", "edge"}});
  FakeWorker ours(*bus, "ours");
  ours.beat("b1");
  Controller controller(*bus);
  must(controller.spawn(config_of("img"), 3));
  const auto workers = must(controller.workers());
  REQUIRE(workers.size() == 2);
  CHECK(workers[0].name == "old");
  CHECK(workers[0].labels.at("galileo_zone") == "edge");
  CHECK(workers[0].clients == 2);
  CHECK_FALSE(workers[0].heartbeat);
  REQUIRE(workers[1].heartbeat);
  CHECK(workers[1].heartbeat->boot == "b1");
  CHECK(must(controller.ping()).workers == Texts{"old", "ours"});
}

TEST_CASE("A worker without a readable heartbeat is still a worker") {
  const auto bus = bus::make_in_process();
  FakeWorker odd(*bus, "odd");
  must(bus->change({bus::set_text(bus::worker_heartbeat_key("odd"), "{")}));
  Controller controller(*bus);
  CHECK(must(controller.workers()).at(0).heartbeat->boot.empty());
}

TEST_CASE("Discovery forgets the dead and returns as soon as all who were told are back") {
  const auto bus = bus::make_in_process();
  FakeWorker a(*bus, "a");
  FakeWorker b(*bus, "b");
  must(bus::register_worker(*bus, {"dead", {}}));
  Controller controller(*bus);
  const net::RealClock clock;
  const Time begin = clock.now();
  const Discovery discovery = must(controller.discover(std::chrono::seconds{30}));
  CHECK(clock.now() - begin < std::chrono::seconds{10});
  CHECK(discovery.told == 2);
  CHECK(discovery.registered == Texts{"a", "b"});
  CHECK(must(bus::worker_names(*bus)) == Texts{"a", "b"});
}

TEST_CASE("Discovery ends at its time where one who was told is no worker, or doesn't register") {
  const auto bus = bus::make_in_process();
  FakeWorker a(*bus, "a");
  FakeWorker b(*bus, "b");
  b.deaf = true;
  Controller controller(*bus);
  const Discovery discovery = must(controller.discover(milliseconds{50}));
  CHECK(discovery.told == 2);
  CHECK(discovery.registered == Texts{"a"});
}

TEST_CASE("Spawned clients are spread, described on the bus, and of the workers that match") {
  const auto bus = bus::make_in_process();
  FakeWorker b(*bus, "node-b", {{"galileo_zone", "edge"}});
  FakeWorker c(*bus, "node-c", {{"galileo_zone", "edge"}});
  FakeWorker d(*bus, "node-d", {{"galileo_zone", "main"}});
  for (FakeWorker* worker : {&b, &c, &d}) worker->beat("1");
  Controller controller(*bus);
  wire::ClientConfig config = config_of("img", R"({"galileo_zone": "edge"})");
  config.parameters = R"({"method": "get"})";
  const ClientGroup group = must(controller.spawn(config, 5));
  CHECK(group.ids() ==
        Texts{"node-b:img:0", "node-b:img:1", "node-b:img:2", "node-c:img:0", "node-c:img:1"});
  CHECK(group.clients()[0].config == config);
  CHECK(must(controller.clients()) == group.clients());
  CHECK(must(controller.group({"node-c:img:1"})).ids() == Texts{"node-c:img:1"});
  CHECK(must(controller.group()).ids().size() == 5);
  CHECK(failure_of(controller.group({"node-c:img:9"})).code == ErrorCode::kNotFound);
}

TEST_CASE("No worker matches: the message says which labels there are") {
  const auto bus = bus::make_in_process();
  Controller controller(*bus);
  CHECK(failure_of(controller.spawn(config_of("img"))).why == "there are no workers");
  FakeWorker b(*bus, "b", {{"galileo_zone", "edge"}});
  FakeWorker c(*bus, "c", {{"galileo_zone", "main"}});
  const auto error = failure_of(controller.spawn(config_of("img", R"({"zone": "edge"})")));
  CHECK(error.code == ErrorCode::kNotFound);
  CHECK(error.what == R"(no workers match the labels {"zone": "edge"})");
  CHECK(error.why == "the 2 workers have galileo_zone = edge, main");
}

TEST_CASE("What can't be spawned is refused before any worker is asked") {
  const auto bus = bus::make_in_process();
  FakeWorker worker(*bus, "a");
  Controller controller(*bus);
  CHECK(failure_of(controller.spawn(config_of(""))).code == ErrorCode::kUsage);
  CHECK(failure_of(controller.spawn(config_of("img"), 0)).code == ErrorCode::kUsage);
  auto config = config_of("img");
  config.parameters = "[1]";
  CHECK(failure_of(controller.spawn(config)).why == "the parameters aren't a JSON object");
  CHECK(must(controller.clients()).empty());
}

TEST_CASE("One worker can't make its clients: those of the others are closed again") {
  const auto bus = bus::make_in_process();
  FakeWorker a(*bus, "a");
  FakeWorker b(*bus, "b");
  a.beat("1");
  b.beat("1");
  b.refusal = "no such app";
  Controller controller(*bus);
  const auto error = failure_of(controller.spawn(config_of("img"), 4));
  CHECK(error.why.find("no such app") != std::string::npos);
  CHECK(must(controller.clients()).empty());
}

TEST_CASE("Clients tell how far they are, one by one or a worker for all of its own") {
  const auto bus = bus::make_in_process();
  FakeWorker a(*bus, "a");
  FakeWorker b(*bus, "b");
  a.beat("1");
  b.beat("1");
  b.answers_of_several = true;
  Controller controller(*bus);
  ClientGroup group = must(controller.spawn(config_of("img"), 2));
  auto more = must(controller.spawn(config_of("other"), 2));
  const ClientInfos infos = must((group + more).info());
  REQUIRE(infos.clients.size() == 4);
  CHECK(infos.clients[0].description == group.clients()[0]);
  CHECK(infos.clients[0].requests == 7);
  CHECK(infos.clients[0].failed == 2);
  CHECK(infos.missing.empty());
  CHECK(must(group.info()).clients.size() == 2);
  CHECK(must(controller.info({"a:img:0", "gone:img:0"})).missing == Texts{"gone:img:0"});
}

TEST_CASE("Nobody there: pings and infos are empty, commands of tracing are told to none") {
  const auto bus = bus::make_in_process();
  Controller controller(*bus);
  CHECK(must(controller.ping()).workers.empty());
  CHECK(must(controller.info({"x"})).missing == Texts{"x"});
  CHECK(must(controller.start_tracing()) == 0);
  CHECK(must(controller.stop_tracing()) == 0);
}

TEST_CASE("An event goes out as a line with the time, its name and its value") {
  const auto bus = bus::make_in_process();
  std::mutex mutex;
  std::string line;
  const auto heard = must(bus->subscribe({std::string(bus::kEvents)}, {}, [&](auto, auto message) {
    const std::lock_guard lock(mutex);
    line = message;
  }));
  Controller controller(*bus);
  must(controller.event("pod/running", R"({"a": 1})"));
  const std::lock_guard lock(mutex);
  CHECK(line.ends_with(R"( pod/running {"a": 1})"));
  CHECK(line.find('.') == 10);  // seconds since 1970, of these decades
}
