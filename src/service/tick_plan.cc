#include "service/tick_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "load/app_request.h"
#include "load/request_parameters.h"

namespace galileo::service {
namespace {

Error cant(std::string where, std::string why) {
  return Error{ErrorCode::kUsage, "it can't be run", std::move(where), std::move(why), {}};
}

// (rate, seconds) by turns, of one client; empty where it sends nothing.
std::vector<double> steps_of(const wire::TickPlan& plan, const wire::TickWorkload& workload) {
  std::vector<double> steps;
  bool sends = false;
  double left = plan.duration_s.value;
  const std::uint64_t needed = plan.ticks_needed();
  for (std::uint64_t i = 0; i < needed; ++i) {
    const double rate = std::max(0.0, workload.ticks[i].value);
    sends = sends || rate > 0;
    const double lasts = i + 1 < needed ? plan.interval_s.value : left;
    steps.insert(steps.end(), {rate / static_cast<double>(workload.clients), lasts});
    left -= plan.interval_s.value;
  }
  return sends ? steps : std::vector<double>();
}

Result<load::Request> request_of(const wire::TickWorkload& workload) {
  if (workload.client) return load::app_request(*workload.client, workload.parameters);
  return load::parse_request_parameters(workload.parameters);
}

}  // namespace

Result<plan::Plan> plan_of_ticks(const wire::QueuedExperiment& queued) {
  plan::Plan plan;
  plan.name = queued.experiment.name;
  plan.creator = queued.experiment.creator;
  plan::Phase phase;
  for (std::size_t i = 0; i < queued.plan.workloads.size(); ++i) {
    const wire::TickWorkload& workload = queued.plan.workloads[i];
    const std::string place = fmt::format("workloads[{}]", i);
    if (workload.clients == 0) return cant(place, "it has no clients");
    if (workload.ticks.size() < queued.plan.ticks_needed())
      return cant(place, fmt::format("{} ticks are fewer than the {} intervals of the duration",
                                     workload.ticks.size(), queued.plan.ticks_needed()));
    load::ClientSpec client;
    client.arrival.parameters = steps_of(queued.plan, workload);
    if (client.arrival.parameters.empty()) continue;
    client.arrival.kind = "steps";
    client.service = workload.service;
    client.name = fmt::format("{}:{}", workload.service, i);
    client.count = static_cast<std::uint32_t>(workload.clients);
    client.request = TRY(request_of(workload));
    client.duration = seconds(queued.plan.duration_s.value);
    phase.clients.push_back(std::move(client));
    const bool is_known =
        std::any_of(plan.services.begin(), plan.services.end(),
                    [&](const load::ServiceSpec& one) { return one.name == workload.service; });
    if (is_known) continue;
    plan.services.emplace_back();
    plan.services.back().name = workload.service;
  }
  if (phase.clients.empty()) return cant("workloads", "no tick of any sends something");
  plan.phases.push_back(std::move(phase));
  return plan;
}

}  // namespace galileo::service
