#include "plan/plan.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "load/engine.h"
#include "plan/file.h"

namespace galileo::plan {
namespace {

load::ClientSpec client(const std::string& kind, std::vector<double> parameters,
                        std::uint32_t count = 1) {
  load::ClientSpec spec;
  spec.arrival.kind = kind;
  spec.arrival.parameters = std::move(parameters);
  spec.count = count;
  return spec;
}

Plan plan_of(std::vector<std::vector<load::ClientSpec>> phases) {
  Plan plan;
  for (std::vector<load::ClientSpec>& clients : phases) {
    Phase phase;
    phase.clients = std::move(clients);
    plan.phases.push_back(std::move(phase));
  }
  return plan;
}

load::ClientSpec closed() {
  load::ClientSpec spec;
  spec.closed_loop = true;
  spec.connections = 1;
  return spec;
}

}  // namespace

TEST_CASE("few requests a second are sent by one loop, and what isn't known is taken for many") {
  struct Case {
    const char* what;
    Plan plan;
    std::optional<double> rps;
    bool is_one;
  };
  const Case cases[] = {
      {"a rate", plan_of({{client("constant_rate", {200})}}), 200, true},
      {"draws of three clients", plan_of({{client("expovariate", {100}, 3)}}), 300, true},
      {"an interval", plan_of({{client("constant", {0.01}, 5)}}), 500, true},
      {"one more than few", plan_of({{client("constant_rate", {501})}}), 501, false},
      {"groups of a phase add up",
       plan_of({{client("constant_rate", {300}), client("constant_rate", {201})}}), 501, false},
      {"phases don't",
       plan_of({{client("constant_rate", {300})}, {client("constant_rate", {201})}}), 300, true},
      {"a closed loop", plan_of({{closed()}}), std::nullopt, false},
      {"as fast as possible", plan_of({{client("constant", {})}}), std::nullopt, false},
      {"a rate that changes", plan_of({{client("sine", {10, 60})}}), std::nullopt, false},
      {"one of two changes", plan_of({{client("constant_rate", {1}), client("ramp", {0, 9, 60})}}),
       std::nullopt, false},
      {"a mean that is infinite", plan_of({{client("paretovariate", {1})}}), 0, true},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    const auto rps = even_rps(c.plan);
    REQUIRE(rps.has_value() == c.rps.has_value());
    if (rps) CHECK(*rps == doctest::Approx(*c.rps).epsilon(0.001));
    CHECK(load_loops(c.plan) == (c.is_one ? 1 : load::Engine::threads({})));
  }
}

TEST_CASE("as many loops as the limits say, whatever is planned") {
  Plan plan = plan_of({{client("constant_rate", {1})}});
  plan.limits.threads = 3;
  CHECK(load_loops(plan) == 3);
  plan.limits.connections_max = 2;
  CHECK(load_loops(plan) == 2);
}

namespace {

constexpr const char* kEvents = R"(
name: x
services: {{s: {{hosts: {{"h:80": 1}}}}}}
clients:
  - {{service: s, name: web, rate: 10, duration: 60s, start_after: 10s}}
  - {{service: s, name: busy, closed_loop: {{connections: 2}}, duration: 60s}}
events:
  - {}
)";

Result<Plan> with_event(const std::string& event) {
  return parse_plan(fmt::format(kEvents, event), "x.yaml", {});
}

}  // namespace

TEST_CASE("events of a file become actions, and changes at a time the clients' own") {
  const auto put = with_event("{at: 5s, event: deploy, value: v2}");
  REQUIRE_MESSAGE(put.ok(), put.error().to_text());
  CHECK(describe(put->phases[0].actions.at(0)) == "at 5.00s: event deploy");
  CHECK(put->phases[0].clients[0].changes.empty());
  CHECK(put->phases[0].actions[0].at == std::chrono::seconds{5});
  CHECK(std::get<Action::PutEvent>(put->phases[0].actions[0].what).value == "v2");

  const auto changed = with_event(
      "{at: 40s, client: web, rate: 5}\n  - {at: 20s, client: web, arrival: expovariate(100)}");
  REQUIRE_MESSAGE(changed.ok(), changed.error().to_text());
  const auto& changes = changed->phases[0].clients[0].changes;
  REQUIRE(changes.size() == 2);
  CHECK(changes[0].at == std::chrono::seconds{20});
  CHECK(changes[0].arrival.kind == "expovariate");
  CHECK(changes[1].arrival.parameters == std::vector<double>{5});
  CHECK(describe(changed->phases[0].actions.at(0)) == "at 40.0s: 5/s for client local:web");
  // 10 s at 10/s, 20 s at 100/s, 30 s at 5/s, since it starts after 10 s.
  const ClientExpectation one = expect(changed->phases[0].clients[0], changed->phases[0]);
  CHECK(one.requests.value_or(0) == doctest::Approx(100 + 2000 + 150));
  CHECK(one.duration == std::chrono::seconds{60});
  CHECK_FALSE(even_rps(*changed));

  const auto when = with_event("{when: \"p99(latency) > 200ms\", client: web, rate: 5}");
  REQUIRE_MESSAGE(when.ok(), when.error().to_text());
  CHECK(when->phases[0].clients[0].changes.empty());
  CHECK(describe(when->phases[0].actions.at(0)) ==
        "when p99(latency) > 200ms: 5/s for client local:web");
  CHECK_FALSE(expect(when->phases[0].clients[0], when->phases[0]).requests);
}

TEST_CASE("so many requests at rates that change last as long as they take") {
  Phase phase;
  load::ClientSpec web = client("constant_rate", {10});
  web.requests = 100;
  load::ArrivalChange change;
  change.at = std::chrono::seconds{5};
  change.arrival = client("constant_rate", {100}).arrival;
  web.changes = {change};
  const ClientExpectation one = expect(web, phase);
  CHECK(one.requests == 100);
  REQUIRE(one.duration);
  CHECK(to_seconds(*one.duration) == doctest::Approx(5.5).epsilon(0.01));
}

TEST_CASE("an event that can't be is a problem that says where and why") {
  struct Case {
    const char* event;
    const char* why;
  };
  for (const Case& c : {
           Case{"{event: x}", "an event comes at a time or when something holds"},
           Case{"{at: 1s, when: \"failed > 1\", event: x}",
                "an event comes at a time or when something holds"},
           Case{"{at: soon, event: x}", "events[0].at"},
           Case{"{at: 1s}", "events[0].event is missing"},
           Case{"{at: 1s, client: web}", "events[0].rate is missing"},
           Case{"{at: 1s, rate: 5}", "events[0].client is missing"},
           Case{"{at: 1s, client: wep, rate: 5}", "did you mean 'web'?"},
           Case{"{at: 1s, client: busy, rate: 5}", "client 'busy' is a closed loop"},
           Case{"{at: 1s, client: web, rate: 0}", "events[0].rate"},
           Case{"{at: 1s, client: web, arrival: {list: [1]}}",
                "a client can't change to that while it runs"},
           Case{"{at: 1s, client: web, arrival: constant()}",
                "a client can't change to that while it runs"},
           Case{"{at: 1s, client: web, rate: 5, arrival: expovariate(1)}",
                "only one of arrival and rate"},
           Case{"{at: 1s, client: web, rate: 5, event: x}", "does one thing"},
           Case{"{when: \"p99(latency) > 200\", event: x}", "events[0].when"},
           Case{"{when: \"failed{service=t} > 2\", event: x}", "there is no service 't'"},
           Case{"{when: \"in_flight > 2\", event: x}", "when the run has ended"},
           Case{"{at: 1s, evnt: x}", "evnt"},
       }) {
    CAPTURE(c.event);
    const auto plan = with_event(c.event);
    REQUIRE_FALSE(plan.ok());
    CAPTURE(plan.error().to_text());
    CHECK(plan.error().to_text().find(c.why) != std::string::npos);
    CHECK(plan.error().to_text().find("x.yaml:8:") != std::string::npos);
  }
}

TEST_CASE("events stand in the phase that they are of") {
  constexpr const char* kFile = R"(
name: x
services: {{s: {{hosts: {{"h:80": 1}}}}}}
phases:
  - {{name: a, duration: 10s, clients: [{{service: s, rate: 1}}], events: [{{at: {}, event: e}}]}}
  - {{name: b, duration: 10s, clients: [{{service: s, rate: 1}}]}}
{}
)";
  const auto good = parse_plan(fmt::format(kFile, "10s", ""), "x.yaml", {});
  REQUIRE_MESSAGE(good.ok(), good.error().to_text());
  CHECK(good->phases[0].actions.size() == 1);
  CHECK(good->phases[1].actions.empty());
  const auto late = parse_plan(fmt::format(kFile, "11s", ""), "x.yaml", {});
  REQUIRE_FALSE(late.ok());
  CHECK(late.error().to_text().find("after the end of the phase") != std::string::npos);
  const auto beside =
      parse_plan(fmt::format(kFile, "1s", "events: [{at: 1s, event: e}]"), "x.yaml", {});
  REQUIRE_FALSE(beside.ok());
  CHECK(beside.error().to_text().find("put the events into the phases") != std::string::npos);
}

}  // namespace galileo::plan
