#include "service/tick_plan.h"

#include <doctest/doctest.h>

using namespace galileo;
using namespace galileo::service;

namespace {

wire::QueuedExperiment queued(double duration_s, double interval_s,
                              const std::vector<double>& ticks, std::uint64_t clients) {
  wire::QueuedExperiment made;
  made.experiment.name = "first";
  made.plan.duration_s = {duration_s, true};
  made.plan.interval_s = {interval_s, true};
  wire::TickWorkload workload;
  workload.service = "shop";
  for (const double tick : ticks) workload.ticks.push_back({tick, true});
  workload.clients = clients;
  made.plan.workloads.push_back(workload);
  return made;
}

}  // namespace

TEST_CASE("ticks are what all clients send together, and the last interval ends with the load") {
  const auto plan = plan_of_ticks(queued(5, 2, {4, 8, 2, 99}, 2));
  REQUIRE(plan.ok());
  REQUIRE(plan->phases.size() == 1);
  REQUIRE(plan->phases[0].clients.size() == 1);
  const load::ClientSpec& client = plan->phases[0].clients[0];
  CHECK(client.count == 2);
  CHECK(client.arrival.kind == "steps");
  CHECK(client.arrival.parameters == std::vector<double>{2, 2, 4, 2, 1, 1});
  CHECK(client.duration == std::chrono::seconds{5});
  REQUIRE(plan->services.size() == 1);
  CHECK(plan->services[0].name == "shop");
  CHECK(plan->services[0].hosts.empty());
  // Twice 2 requests a second for 2 s, 4 for 2 s, 1 for 1 s.
  CHECK(plan::expect(*plan).requests == 26);
}

TEST_CASE("too few ticks, no clients and nothing to send are refused, with the place") {
  CHECK(plan_of_ticks(queued(5, 2, {4, 8}, 2)).error().where == "workloads[0]");
  CHECK(plan_of_ticks(queued(4, 2, {4, 8}, 0)).error().where == "workloads[0]");
  CHECK(plan_of_ticks(queued(4, 2, {0, 0}, 2)).error().where == "workloads");
  auto odd = queued(4, 2, {4, 8}, 2);
  odd.plan.workloads[0].parameters = R"({"kwargs": [1]})";
  CHECK_FALSE(plan_of_ticks(odd).ok());
}
