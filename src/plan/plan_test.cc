#include "plan/plan.h"

#include <doctest/doctest.h>

#include "load/engine.h"

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

}  // namespace galileo::plan
