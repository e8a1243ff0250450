#include "experiment/steered_load.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <limits>

using namespace galileo;
using namespace galileo::experiment;
using Order = SteerOrder;
using OneSecond = std::chrono::seconds;

namespace {

// What it is asked for, as texts; refuses where the test says so.
struct AskedLoad final : LoadSource {
  Result<void> open() override { return {}; }
  Result<Time> begin_phase(const plan::Phase&, std::function<void()>) override { return Time{}; }
  Result<Time> change_arrival(const std::string& client, const load::ArrivalSpec& arrival,
                              const std::string& part) override {
    return answer(fmt::format("{} {} {:.2f} {} in {}", client, arrival.kind, arrival.parameters[0],
                              arrival.process, part));
  }
  Result<Time> pause(const std::string& part) override { return answer("pause " + part); }
  Result<Time> go_on(const std::string& part) override { return answer("go on " + part); }
  Result<Time> answer(const std::string& text) {
    if (refuses) return Error{ErrorCode::kUnavailable, "no", {}, {}, {}};
    asked.push_back(text);
    return clock->now();
  }
  void stop_sending() override {}
  void end_all() override {}
  LoadState state() override { return {}; }
  load::Begun begun() override { return {}; }
  void finish() override {}
  analysis::GeneratorUse use(Duration) override { return {}; }

  const net::Clock* clock = nullptr;
  bool refuses = false;
  std::vector<std::string> asked;
};

load::ClientSpec client_at(const std::string& name, load::ArrivalSpec arrival,
                           std::uint32_t count = 1) {
  load::ClientSpec client;
  client.service = "s";
  client.name = "s:" + name;
  client.count = count;
  client.arrival = std::move(arrival);
  return client;
}

struct SteeredWorld {
  SteeredWorld() {
    load.clock = &clock;
    phase.name = "main";
  }
  void begin() { REQUIRE(steered.begin(phase, load, clock.now()).ok()); }
  void pass(Duration time) { clock.set(clock.now() + time); }
  Error refused(const Order& order) {
    const auto done = steered.take(order);
    REQUIRE_FALSE(done.ok());
    return done.error();
  }

  net::ManualClock clock;
  WallClock wall_clock{clock.now(), Wall{OneSecond{1'000}}};
  AskedLoad load;
  plan::Phase phase;
  std::vector<std::string> events;
  SteeredLoad steered{clock, wall_clock,
                      [this](const std::string& event, const std::string& value) {
                        events.push_back(event + " " + value);
                      }};
};

Order rate(double rps, const std::string& client = {}, double factor = 0) {
  return {Order::Kind::kRate, rps, factor, client, {}};
}

Order paused_by(const std::string& who) {
  return {Order::Kind::kPause, 0, 0, {}, who};
}

const Order kGoOn{Order::Kind::kGoOn, 0, 0, {}, {}};

}  // namespace

TEST_CASE("each change is another part of the phase, an event and a line") {
  SteeredWorld h;
  h.phase.clients = {client_at("a", {"constant_rate", {50}, {}, "exponential"}, 4)};
  h.begin();
  h.pass(OneSecond{2});
  REQUIRE(h.steered.take(paused_by("ann")).ok());
  CHECK(h.steered.is_paused());
  h.pass(OneSecond{3});
  REQUIRE(h.steered.take(kGoOn).ok());
  const auto set = h.steered.take(rate(100));
  REQUIRE(set.ok());
  CHECK(set->from == h.wall_clock.wall(h.clock.now()));
  CHECK_FALSE(set->until);
  REQUIRE(h.steered.take(rate(0, "a", 0.5)).ok());
  CHECK(h.load.asked ==
        std::vector<std::string>{"pause main (2)", "go on main (3)",
                                 "s:a constant_rate 25.00 exponential in main (4)",
                                 "s:a constant_rate 12.50 exponential in main (5)"});
  CHECK(h.events.front() ==
        "steer/pause {\"name\": \"paused\", \"part\": \"main (2)\", \"by\": \"ann\"}");
  CHECK(h.events.back() ==
        "steer/rate {\"name\": \"a at 50/s\", \"client\": \"a\", \"rps\": 50.0, \"part\": \"main "
        "(5)\"}");
  CHECK(h.steered.changes().front() ==
        "2.00s after the start: paused (\"main (2)\" from then), by ann");
  CHECK(h.steered.changes()[1].find("after a pause of 3.00s") != std::string::npos);
}

TEST_CASE("a factor is of the steady rate that there is") {
  SteeredWorld h;
  h.phase.clients = {client_at("c", {"constant", {0.5}, {}, "static"}, 2),
                     client_at("x", {"expovariate", {30}, {}, "static"}),
                     client_at("r", {"ramp", {1, 100, 10}, {}, "static"})};
  h.begin();
  CHECK(h.steered.take(rate(0, "c", 2)).ok());
  CHECK(h.steered.take(rate(0, "x", 2)).ok());
  CHECK(h.load.asked ==
        std::vector<std::string>{"s:c constant_rate 4.00 static in main (2)",
                                 "s:x constant_rate 60.00 exponential in main (3)"});
  CHECK(h.refused(rate(0, "r", 2)).why.find("'r' has no steady rate") != std::string::npos);
  CHECK(h.steered.take(rate(7, "r")).ok());
  CHECK(h.steered.take(rate(0, "r", 2)).ok());
  CHECK(h.load.asked.back() == "s:r constant_rate 14.00 static in main (5)");
}

TEST_CASE("until when a rate holds is said: the plan's next change wins, pauses put it off") {
  SteeredWorld h;
  h.phase.clients = {client_at("a", {"constant_rate", {5}, {}, "static"})};
  for (const int at : {20, 10, 1}) {
    plan::Action action;
    action.at = OneSecond{at};
    action.what = plan::Action::ChangeArrival{"s:a", {"constant_rate", {1}, {}, "static"}};
    h.phase.actions.push_back(action);
  }
  h.begin();
  const Wall began = h.wall_clock.wall(h.clock.now());
  h.pass(OneSecond{2});
  CHECK(h.steered.take(rate(9))->until == began + OneSecond{10});
  CHECK(h.steered.take(paused_by({})).ok());
  h.pass(OneSecond{4});
  CHECK(h.steered.take(rate(9))->until == began + OneSecond{14});
  CHECK(h.steered.take(kGoOn).ok());
  CHECK(h.steered.take(rate(9))->until == began + OneSecond{14});
  h.pass(OneSecond{10});
  CHECK(h.steered.take(rate(9))->until == began + OneSecond{24});
  h.pass(OneSecond{10});
  CHECK_FALSE(h.steered.take(rate(9))->until);
}

TEST_CASE("what can't be is refused with the reason, and changes nothing") {
  SteeredWorld h;
  CHECK(h.refused(paused_by({})).why == "no requests are sent at present");
  load::ClientSpec closed = client_at("closed", {});
  closed.closed_loop = true;
  h.phase.clients = {closed, client_at("even", {"constant_rate", {5}, {}, "static"}),
                     client_at("list", {"prerecorded", {}, {0.1, 0.2}, "static"})};
  h.begin();
  CHECK(h.refused(kGoOn).why == "it isn't paused");
  CHECK(h.refused(rate(5)).hint == "name one of closed, even, list");
  CHECK(h.refused(rate(5, "none")).code == ErrorCode::kNotFound);
  CHECK(h.refused(rate(5, "closed")).why.find("closed loop") != std::string::npos);
  CHECK(h.refused(rate(5, "list")).why.find("recorded times") != std::string::npos);
  for (const double rps : {0.0, -1.0, 1e10, std::numeric_limits<double>::quiet_NaN(),
                           std::numeric_limits<double>::infinity()})
    CHECK(h.refused(rate(rps, "even")).hint == "give a number above 0; a rate of 0 is a pause");
  h.load.refuses = true;
  CHECK_FALSE(h.steered.take(paused_by({})).ok());
  CHECK_FALSE(h.steered.is_paused());
  CHECK_FALSE(h.steered.take(rate(5, "even")).ok());
  CHECK(h.load.asked.empty());
  CHECK(h.events.empty());
  CHECK(h.steered.changes().empty());
  h.load.refuses = false;
  CHECK(h.steered.take(paused_by({})).ok());
  CHECK(h.refused(paused_by({})).why == "it is paused already");
}

TEST_CASE("the next phase of a paused run is paused from its first request on") {
  SteeredWorld h;
  h.phase.clients = {client_at("a", {"constant_rate", {5}, {}, "static"})};
  h.begin();
  REQUIRE(h.steered.take(paused_by({})).ok());
  h.steered.end();
  CHECK(h.refused(kGoOn).why == "no requests are sent at present");
  h.phase.name = "second";
  h.begin();
  CHECK(h.load.asked == std::vector<std::string>{"pause main (2)", "pause "});
  REQUIRE(h.steered.take(kGoOn).ok());
  CHECK(h.load.asked.back() == "go on second (2)");
}
