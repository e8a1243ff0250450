#include "fleet/group.h"

#include <algorithm>

#include "fleet/controller_fixture.h"

using namespace galileo;
using namespace galileo::fleet;
using std::chrono::milliseconds;
using Texts = std::vector<std::string>;

namespace {

constexpr Duration kLong = std::chrono::seconds{10};
constexpr Duration kShort = milliseconds{30};

// Two workers of ours with two clients each.
struct Fleet {
  Fleet() {
    a.beat("a1");
    b.beat("b1");
    group = std::make_unique<ClientGroup>(must(controller.spawn(config_of("img"), 4)));
  }
  std::unique_ptr<bus::Bus> bus = bus::make_in_process();
  FakeWorker a{*bus, "a"};
  FakeWorker b{*bus, "b"};
  Controller controller{*bus};
  std::unique_ptr<ClientGroup> group;
};

std::string set_workload(const std::string& fields) {
  return fmt::format(R"({{"__obj": [{}], "__type": "galileo.worker.api.SetWorkloadCommand"}})",
                     fields);
}

}  // namespace

TEST_CASE("Commands are written as the old shell writes them") {
  const auto bus = bus::make_in_process();
  FakeWorker worker(*bus, "w");
  worker.beat("1");
  Controller controller(*bus);
  ClientGroup group = must(controller.spawn(config_of("img")));
  must(group.request(5, {"expovariate", {50}}));
  must(group.request(5));
  must(group.request({}, {"constant", {0.2}}));
  must(group.request(1, {"prerecorded", {}}));
  must(group.rps(20));
  must(group.rps(0));
  const Texts told = worker.take_commands();
  REQUIRE(told.size() == 6);
  CHECK(told[0] == set_workload(R"("w:img:0", 5, "expovariate", [50])"));
  CHECK(told[1] == set_workload(R"("w:img:0", 5, "constant", null)"));
  CHECK(told[2] == set_workload(R"("w:img:0", null, "constant", [0.2])"));
  CHECK(told[3] == set_workload(R"("w:img:0", 1, "prerecorded", null)"));
  CHECK(told[4] == set_workload(R"("w:img:0", null, "constant", [0.05])"));
  CHECK(told[5] == R"({"__obj": ["w:img:0"], "__type": "galileo.worker.api.StopWorkloadCommand"})");
}

TEST_CASE("An old client would die of no time between two requests: it gets a nanosecond") {
  const auto bus = bus::make_in_process();
  FakeWorker worker(*bus, "w");
  Controller controller(*bus);
  ClientGroup group = must(controller.spawn(config_of("img")));
  must(group.request(5));
  must(group.request(5, {"constant", {0}}));
  const Texts told = worker.take_commands();
  CHECK(told.at(0) == set_workload(R"("w:img:0", 5, "constant", [1e-09])"));
  CHECK(told.at(1) == told.at(0));
}

TEST_CASE("What can't be meant is refused before anything is published") {
  Fleet fleet;
  for (const Interarrival& wrong :
       {Interarrival{"constant", {-1}}, Interarrival{"constant", {1, 2}},
        Interarrival{"exponential", {1}}, Interarrival{"expovariate", {}},
        Interarrival{"expovariate", {0}}, Interarrival{"uniform", {1}}})
    CHECK(failure_of(fleet.group->request(1, wrong)).code == ErrorCode::kUsage);
  CHECK(failure_of(fleet.group->rps(-1)).code == ErrorCode::kUsage);
  CHECK(failure_of(ClientGroup(fleet.controller, {}).request(1)).code == ErrorCode::kUsage);
  CHECK(fleet.a.take_commands().empty());
}

TEST_CASE("Nobody listens: the commands reached nobody") {
  const auto bus = bus::make_in_process();
  Controller controller(*bus);
  ClientGroup group(controller, {{"gone:img:0", "gone", config_of("img")}});
  const auto error = failure_of(group.request(1));
  CHECK(error.code == ErrorCode::kUnavailable);
  CHECK(error.what == "1 of 1 commands reached nobody");
}

TEST_CASE("A wait is over when each client has said so, also when all did before it was waited") {
  Fleet fleet;
  const auto wait = must(fleet.group->request(10, {"constant", {0.1}}));
  CHECK_FALSE(wait->done());
  CHECK(wait->missing().size() == 4);
  for (const std::string& id : fleet.group->ids()) fleet.a.say_done(id);
  must(wait->wait(Duration{0}));
  CHECK(wait->done());
  must(wait->wait(kLong));
}

TEST_CASE("A client that is done before the command's publisher goes on isn't missed") {
  Fleet fleet;
  // At the bus's desk a message can't be answered; at another desk it is, at once.
  net::LoopThread desk("quick");
  const auto quick = must(fleet.bus->subscribe(
      {wire::event_channel(wire::SetWorkloadCommand::kType)}, {}, [&](auto, auto message) {
        desk.loop().post([&, text = std::string(message)] {
          fleet.a.say_done(must(wire::decode_set_workload_command(text)).client_id);
        });
      }));
  for (int i = 0; i < 50; ++i) must(must(fleet.group->request(1))->wait(kLong));
}

TEST_CASE("The deadline names who is missing; a later wait goes on where it ended") {
  Fleet fleet;
  const auto wait = must(fleet.group->request(10));
  fleet.a.say_done("a:img:0");
  fleet.a.say_done("a:img:1");
  fleet.a.say_done("other:img:1");
  auto error = failure_of(wait->wait(kShort));
  CHECK(error.code == ErrorCode::kInterrupted);
  CHECK(error.what == "2 of 4 clients haven't ended their workload");
  CHECK(error.why == "no word from b:img:0, b:img:1 in 30.0ms");
  CHECK(wait->missing() == Texts{"b:img:0", "b:img:1"});
  fleet.a.say_done("b:img:0");
  fleet.a.say_done("b:img:1");
  must(wait->wait(kLong));
}

TEST_CASE("A worker dies: the wait ends and says so, the rest can be waited for") {
  Fleet fleet;
  const auto wait = must(fleet.group->request(10));
  fleet.b.say_done("b:img:0");
  fleet.b.beat("");
  const net::RealClock clock;
  const Time begin = clock.now();
  auto error = failure_of(wait->wait(kLong));
  CHECK(clock.now() - begin < std::chrono::seconds{2});  // the 2.5 s of its heartbeat come on top
  CHECK(error.code == ErrorCode::kUnavailable);
  CHECK(error.what == "1 of 4 clients won't end their workload");
  CHECK(error.why == "worker 'b' is gone: it has had no heartbeat for 2.5s (b:img:1)");
  CHECK(wait->lost().size() == 1);
  CHECK(wait->missing() == Texts{"a:img:0", "a:img:1"});
  fleet.a.say_done("a:img:0");
  CHECK(failure_of(wait->wait(kShort)).code == ErrorCode::kUnavailable);
  fleet.a.say_done("a:img:1");
  CHECK(failure_of(wait->wait(kLong)).code == ErrorCode::kUnavailable);
  CHECK(wait->missing().empty());
  CHECK_FALSE(wait->done());
}

TEST_CASE("A worker that was silent and speaks again has its clients back, a new one hasn't") {
  Fleet fleet;
  const auto wait = must(fleet.group->request(10));
  fleet.b.beat("");
  CHECK(failure_of(wait->wait(kLong)).code == ErrorCode::kUnavailable);
  fleet.b.beat("b1");
  for (const std::string& id : fleet.group->ids()) {
    if (id != "b:img:1") fleet.a.say_done(id);
  }
  CHECK(failure_of(wait->wait(milliseconds{600})).code == ErrorCode::kInterrupted);
  CHECK(wait->missing() == Texts{"b:img:1"});
  fleet.b.beat("b2");
  const auto error = failure_of(wait->wait(kLong));
  CHECK(error.why == "worker 'b' was started anew (b:img:1)");
  fleet.b.beat("b1");
  CHECK(failure_of(wait->wait(kLong)).code == ErrorCode::kUnavailable);
}

TEST_CASE(
    "Old workers have no heartbeat: they aren't taken for dead, but for gone when they say so") {
  const auto bus = bus::make_in_process();
  FakeWorker old(*bus, "old");
  Controller controller(*bus);
  ClientGroup group = must(controller.spawn(config_of("img")));
  const auto wait = must(group.request(1));
  CHECK_FALSE(wait->has_heartbeat("old"));
  CHECK(failure_of(wait->wait(milliseconds{400})).code == ErrorCode::kInterrupted);
  must(bus->publish(wire::event_channel(wire::UnregisterWorkerEvent::kType),
                    wire::encode(wire::UnregisterWorkerEvent{"old"})));
  CHECK(failure_of(wait->wait(kLong)).why == "worker 'old' has left (old:img:0)");
}

TEST_CASE("A client that is closed while it is waited for is lost") {
  Fleet fleet;
  const auto wait = must(fleet.group->request(10));
  const Texts closed = must(fleet.group->close(1));
  CHECK(closed == Texts{"b:img:1"});
  CHECK(fleet.group->ids() == Texts{"a:img:0", "a:img:1", "b:img:0"});
  CHECK(must(fleet.controller.clients()).size() == 3);
  CHECK(failure_of(wait->wait(kLong)).why == "it was closed (b:img:1)");
}

TEST_CASE("Closing waits for the workers, and says which clients a dead one still has") {
  Fleet fleet;
  fleet.b.deaf = true;
  const auto error = failure_of(fleet.group->close({}, kShort));
  CHECK(error.code == ErrorCode::kUnavailable);
  CHECK(error.why == "their workers still have b:img:0, b:img:1");
  CHECK(fleet.group->clients().empty());
  CHECK(must(fleet.controller.clients()).size() == 2);
  CHECK(must(fleet.group->close()).empty());
}

TEST_CASE("A group grows by more of its kind, and by others; then what more would be isn't clear") {
  Fleet fleet;
  const ClientGroup added = must(fleet.group->add(2));
  CHECK(added.ids() == Texts{"a:img:2", "b:img:2"});
  CHECK(fleet.group->ids().size() == 6);
  ClientGroup both = *fleet.group + added + must(fleet.controller.spawn(config_of("other")));
  CHECK(both.ids().size() == 7);
  CHECK(failure_of(both.add()).why == "its clients are of several kinds");
  CHECK(failure_of(ClientGroup(fleet.controller, {}).add()).why == "it is empty");
}

TEST_CASE("Commands to a thousand clients go out in one go and in order") {
  const auto bus = bus::make_in_process();
  FakeWorker worker(*bus, "w");
  worker.beat("1");
  Controller controller(*bus);
  ClientGroup group = must(controller.spawn(config_of("img"), 1000));
  const auto wait = must(group.request(1));
  const Texts told = worker.take_commands();
  REQUIRE(told.size() == 1000);
  const Texts ids = group.ids();
  for (std::size_t i = 0; i < ids.size(); ++i)
    REQUIRE(must(wire::decode_set_workload_command(told[i])).client_id == ids[i]);
  for (const std::string& id : ids) worker.say_done(id);
  must(wait->wait(kLong));
  CHECK(must(group.close()).size() == 1000);
}
