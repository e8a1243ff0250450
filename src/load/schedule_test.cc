#include "load/schedule.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <map>

namespace galileo::load {
namespace {

using std::chrono::milliseconds;

ClientSpec client_of(std::string kind, std::vector<double> parameters,
                     std::string process = "static") {
  ClientSpec spec;
  spec.arrival.kind = std::move(kind);
  spec.arrival.parameters = std::move(parameters);
  spec.arrival.process = std::move(process);
  return spec;
}

std::vector<Due> all(const ClientSpec& spec, std::uint64_t seed = 7, std::uint32_t client = 0,
                     Stripe stripe = {}, std::optional<Duration> ends_after = std::nullopt) {
  auto schedule = Schedule::make(spec, seed, client, stripe, ends_after);
  REQUIRE(schedule.ok());
  std::vector<Due> list;
  while (const auto due = schedule->next()) list.push_back(*due);
  CHECK_FALSE(schedule->next());  // ended for good
  return list;
}

std::map<std::uint64_t, Duration> by_number(const std::vector<Due>& list) {
  std::map<std::uint64_t, Duration> times;
  for (const Due& due : list) times.emplace(due.number, due.at);
  CHECK(times.size() == list.size());
  return times;
}

TEST_CASE("a client's schedule is the same over any number of loops") {
  for (ClientSpec spec :
       {client_of("expovariate", {100}), client_of("gammavariate", {0.5, 0.01}),
        client_of("constant", {0.001}), client_of("sine", {100, 3}, "exponential"),
        client_of("random_walk", {50, 20, 100, 1}, "exponential")}) {
    CAPTURE(spec.arrival.kind);
    spec.requests = 1003;
    const auto whole = by_number(all(spec));
    REQUIRE(whole.size() == 1003);
    CHECK(whole.begin()->first == 1);
    CHECK(whole.rbegin()->first == 1003);
    for (std::uint32_t loops = 2; loops <= 8; ++loops) {
      std::vector<Due> together;
      for (std::uint32_t i = 0; i < loops; ++i) {
        for (const Due& due : all(spec, 7, 0, {i, loops})) together.push_back(due);
      }
      CHECK(by_number(together) == whole);
    }
  }
}

TEST_CASE("another seed or client has another schedule, the same ones have the same") {
  ClientSpec spec = client_of("expovariate", {100});
  spec.requests = 100;
  const auto first = by_number(all(spec, 7, 0));
  CHECK(by_number(all(spec, 7, 0)) == first);
  CHECK(by_number(all(spec, 7, 1)) != first);
  CHECK(by_number(all(spec, 8, 0)) != first);
}

// What runs were recorded with stays repeatable: these times may not change, on any machine.
TEST_CASE("a seed's due times are these, to the nanosecond") {
  ClientSpec spec = client_of("expovariate", {100});
  spec.requests = 4;
  std::vector<std::int64_t> due_ns;
  for (const Due& due : all(spec, 7, 0)) due_ns.push_back(due.at.count());
  CHECK(due_ns == std::vector<std::int64_t>{23075620, 33307475, 34182028, 57102578});
  spec = client_of("sine", {100, 3}, "exponential");
  spec.requests = 4;
  due_ns.clear();
  for (const Due& due : all(spec, 7, 0)) due_ns.push_back(due.at.count());
  CHECK(due_ns == std::vector<std::int64_t>{44114728, 62526688, 64071582, 103114033});
}

TEST_CASE("exactly as many requests as asked for are due, and none for 0") {
  ClientSpec spec = client_of("constant", {0.5});
  spec.requests = 3;
  CHECK(all(spec).size() == 3);
  spec.requests = 0;
  CHECK(all(spec).empty());
  spec.arrival.kind = "prerecorded";
  spec.arrival.recorded_s = {1, 2};
  spec.requests = 5;  // more than the list holds
  CHECK(all(spec).size() == 2);
}

TEST_CASE("a duration ends the schedule, its last moment included") {
  ClientSpec spec = client_of("constant_rate", {100});
  spec.duration = seconds(10);
  const auto list = all(spec);
  REQUIRE(list.size() == 1000);
  CHECK(list.back().at == seconds(10));
}

TEST_CASE("a client that starts later is due later, and lasts as long from there") {
  ClientSpec spec = client_of("constant", {1});
  spec.start_after = seconds(5);
  spec.duration = seconds(2);
  const auto list = all(spec, 7, 0, {}, seconds(6));  // its own duration holds, not the phase's
  REQUIRE(list.size() == 2);
  CHECK(list[0].at == seconds(6));
  CHECK(list[1].at == seconds(7));
}

TEST_CASE("the end of the phase holds for a client without an end") {
  ClientSpec spec = client_of("constant", {1});
  spec.start_after = seconds(5);
  CHECK(all(spec, 7, 0, {}, seconds(8)).size() == 3);
}

TEST_CASE("times beyond all reason don't overflow") {
  ClientSpec spec = client_of("constant", {1});
  spec.start_after = Duration::max();
  spec.duration = Duration::max();
  spec.requests = 2;
  const auto list = all(spec);
  REQUIRE(list.size() == 2);
  CHECK(list[0].at == kHorizon + seconds(1));
}

// What users saw: --rate 1000 --clients 100 went out in bursts of a hundred.
TEST_CASE("equal clients with a rate are due evenly, as one client of the whole rate") {
  struct Case {
    const char* kind;
    std::vector<double> of_one;                                  // parameters of the whole
    std::function<std::vector<double>(double clients)> of_each;  // of each of so many
  };
  const std::vector<Case> cases{
      {"constant_rate", {1000}, [](double n) { return std::vector<double>{1000 / n}; }},
      {"constant", {0.001}, [](double n) { return std::vector<double>{0.001 * n}; }},
      {"sine", {800, 1}, [](double n) { return std::vector<double>{800 / n, 1}; }},
      {"ramp", {10, 900, 1}, [](double n) { return std::vector<double>{10 / n, 900 / n, 1}; }},
      {"steps",
       {500, 0.5, 900, 0.5},
       [](double n) { return std::vector<double>{500 / n, 0.5, 900 / n, 0.5}; }},
  };
  for (const Case& one : cases) {
    ClientSpec whole = client_of(one.kind, one.of_one);
    whole.duration = seconds(0.9);
    const auto wanted = all(whole);
    REQUIRE(wanted.size() > 100);
    for (const std::uint32_t clients : {1u, 2u, 3u, 100u}) {
      CAPTURE(one.kind);
      CAPTURE(clients);
      ClientSpec spec = client_of(one.kind, one.of_each(clients));
      spec.duration = whole.duration;
      std::vector<Duration> due;
      for (std::uint32_t i = 0; i < clients; ++i) {
        auto schedule = Schedule::make(spec, 7, i, {}, {}, interleaved(i, clients));
        REQUIRE(schedule.ok());
        while (const auto next = schedule->next()) due.push_back(next->at);
      }
      std::sort(due.begin(), due.end());
      REQUIRE(due.size() == wanted.size());
      for (std::size_t i = 0; i < due.size(); ++i)
        CHECK(std::chrono::abs(due[i] - wanted[i].at) < std::chrono::microseconds{1});
      const auto arrival = make_arrival(spec.arrival);
      CHECK((*arrival)->expected_together(*spec.duration, clients) == due.size());
    }
  }
}

TEST_CASE("what chance or a list places isn't moved by other clients") {
  for (ClientSpec spec : {client_of("expovariate", {100}), client_of("prerecorded", {}),
                          client_of("constant_rate", {100}, "exponential")}) {
    CAPTURE(spec.arrival.kind);
    spec.arrival.recorded_s = {0.1, 0.2};
    spec.requests = 2;
    auto ahead = Schedule::make(spec, 7, 3, {}, {}, 0.5);
    REQUIRE(ahead.ok());
    for (const Due& due : all(spec, 7, 3)) CHECK(ahead->next()->at == due.at);
  }
}

ArrivalChange change_at(Duration at, std::string kind, std::vector<double> parameters) {
  ArrivalChange change;
  change.at = at;
  change.arrival.kind = std::move(kind);
  change.arrival.parameters = std::move(parameters);
  return change;
}

TEST_CASE("from a change on another rate says when requests are due, and none lies between") {
  ClientSpec spec = client_of("constant_rate", {10});
  spec.changes = {change_at(milliseconds{350}, "constant_rate", {100}),
                  change_at(milliseconds{400}, "steps", {0, 0.1, 1, 0.1}),
                  change_at(seconds(1), "constant_rate", {2})};
  spec.duration = seconds(2);
  std::vector<Duration> times;
  for (const Due& due : all(spec)) times.push_back(due.at);
  const std::vector<Duration> wanted = {milliseconds{100}, milliseconds{200},  milliseconds{300},
                                        milliseconds{360}, milliseconds{370},  milliseconds{380},
                                        milliseconds{390}, milliseconds{1500}, milliseconds{2000}};
  REQUIRE(times.size() == wanted.size());
  for (std::size_t i = 0; i < times.size(); ++i)
    CHECK(std::chrono::abs(times[i] - wanted[i]) < std::chrono::microseconds{1});
}

TEST_CASE("a change counts from the phase's start, and not before the client's own") {
  ClientSpec spec = client_of("constant_rate", {10});
  spec.start_after = seconds(1);
  spec.requests = 2;
  spec.changes = {change_at(milliseconds{1150}, "constant_rate", {1000})};
  CHECK(all(spec)[1].at == milliseconds{1151});
  spec.changes = {change_at(milliseconds{500}, "constant_rate", {1000})};
  CHECK(all(spec)[0].at == milliseconds{1001});
}

TEST_CASE("a schedule that changes is the same over any number of loops, foreseen or not") {
  ClientSpec spec = client_of("expovariate", {200});
  const ArrivalChange change = change_at(milliseconds{777}, "gammavariate", {0.5, 0.004});
  spec.duration = seconds(2);
  ClientSpec foreseen = spec;
  foreseen.changes = {change};
  const auto whole = by_number(all(foreseen));
  REQUIRE(whole.size() > 500);
  const auto before = std::count_if(whole.begin(), whole.end(),
                                    [&](const auto& entry) { return entry.second < change.at; });
  CHECK(before > 100);
  for (std::uint32_t loops = 1; loops <= 8; ++loops) {
    std::vector<Due> told;  // before they began
    std::vector<Due> late;  // when all before it was given
    for (std::uint32_t i = 0; i < loops; ++i) {
      for (const Due& due : all(foreseen, 7, 0, {i, loops})) told.push_back(due);
      auto schedule = Schedule::make(spec, 7, 0, {i, loops}, std::nullopt);
      REQUIRE(schedule.ok());
      std::optional<Due> due = schedule->next();
      for (; due->at < change.at; due = schedule->next()) late.push_back(*due);
      schedule->change(change.at, *make_arrival(change.arrival));
      while ((due = schedule->next())) late.push_back(*due);
    }
    CHECK(by_number(told) == whole);
    CHECK(by_number(late) == whole);
  }
}

TEST_CASE("a client whose arrival can't be has no schedule") {
  const auto schedule = Schedule::make(client_of("expovariate", {-1}), 7, 0, {}, std::nullopt);
  CHECK_FALSE(schedule.ok());
}

}  // namespace
}  // namespace galileo::load
