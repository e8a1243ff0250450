#include "experiment/timeline.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace galileo;
using namespace galileo::experiment;
using std::chrono::milliseconds;

namespace {

using Texts = std::vector<std::string>;

plan::Action event_at(Duration at, const std::string& name) {
  plan::Action action;
  action.at = at;
  action.what = plan::Action::PutEvent{name, {}};
  return action;
}

plan::Action event_when(const std::string& condition, const std::string& name) {
  plan::Action action;
  action.condition = condition;
  action.what = plan::Action::PutEvent{name, {}};
  return action;
}

// Time that is moved by hand, and conditions that hold when the test says so.
struct World {
  // What was done in that time, as "<ms> <name>".
  Texts pass(Duration time) {
    done.clear();
    const Time until = now + time;
    while (timers.next_due() <= until) {
      now = std::max(now, timers.next_due());
      timers.run_due(now);
    }
    now = until;
    return done;
  }
  Texts end() {
    Texts left;
    for (const plan::Action* action : timeline.end())
      left.push_back(std::get<plan::Action::PutEvent>(action->what).name);
    return left;
  }

  net::Timers timers;
  const Time start{std::chrono::seconds{100}};
  Time now = start;
  std::set<std::string> holding;  // metrics
  unsigned looks = 0;
  Texts done;
  Timeline timeline{timers,
                    [this](const analysis::Threshold& condition) {
                      ++looks;
                      return holding.contains(condition.metric);
                    },
                    [this](const plan::Action& action, Time at) {
                      done.push_back(std::to_string((at - start) / milliseconds{1}) + " " +
                                     std::get<plan::Action::PutEvent>(action.what).name);
                    }};
};

}  // namespace

TEST_CASE("actions come once, at their times, those of one time in the plan's order") {
  World world;
  plan::Phase phase;
  phase.actions = {event_at(milliseconds{500}, "c"), event_at(milliseconds{0}, "a"),
                   event_at(milliseconds{500}, "d"), event_at(milliseconds{250}, "b")};
  REQUIRE(world.timeline.take(phase).ok());
  world.timeline.begin(world.start);
  CHECK(world.pass(milliseconds{0}) == Texts{"0 a"});
  CHECK(world.pass(milliseconds{499}) == Texts{"250 b"});
  CHECK(world.pass(milliseconds{1}) == Texts{"500 c", "500 d"});
  CHECK(world.pass(milliseconds{5000}).empty());
  CHECK(world.end().empty());
  CHECK(world.looks == 0);
}

TEST_CASE("a condition is looked at until it holds, and what it brings comes once") {
  World world;
  plan::Phase phase;
  phase.actions = {event_when("answered > 10", "many"), event_when("failed > 0", "bad"),
                   event_at(milliseconds{300}, "c")};
  REQUIRE(world.timeline.take(phase).ok());
  world.timeline.begin(world.start);
  CHECK(world.pass(milliseconds{350}) == Texts{"300 c"});
  world.holding = {"answered"};
  CHECK(world.pass(milliseconds{400}) == Texts{"400 many"});
  world.holding = {"answered", "failed"};
  CHECK(world.pass(milliseconds{400}) == Texts{"800 bad"});
  const unsigned looks = world.looks;
  CHECK(world.pass(milliseconds{5000}).empty());
  CHECK(world.looks == looks);
}

TEST_CASE("what wasn't done by the end is told, and isn't done in the next phase") {
  World world;
  plan::Phase first;
  first.actions = {event_at(milliseconds{900}, "late"), event_at(milliseconds{100}, "early"),
                   event_when("failed > 0", "never")};
  REQUIRE(world.timeline.take(first).ok());
  world.timeline.begin(world.start);
  CHECK(world.pass(milliseconds{500}) == Texts{"100 early"});
  CHECK(world.end() == Texts{"late", "never"});
  world.holding = {"failed"};
  CHECK(world.pass(milliseconds{1000}).empty());
  plan::Phase second;
  second.actions = {event_at(milliseconds{10}, "next")};
  REQUIRE(world.timeline.take(second).ok());
  world.timeline.begin(world.now);
  CHECK(world.pass(milliseconds{10}) == Texts{"1510 next"});
}

TEST_CASE("a phase whose condition can't be read begins nothing") {
  World world;
  plan::Phase phase;
  phase.actions = {event_at(milliseconds{1}, "a"), event_when("failde > 0", "b")};
  CHECK_FALSE(world.timeline.take(phase).ok());
  world.timeline.begin(world.start);
  CHECK(world.pass(milliseconds{10}).empty());
}
