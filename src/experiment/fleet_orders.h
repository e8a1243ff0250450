// What workers are told to do in a phase: orders for ours, commands of the old wire for old
// workers. Pure functions.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "plan/plan.h"
#include "wire/fleet_api.h"
#include "wire/worker_api.h"

namespace galileo::experiment {

// A command for a client of an old worker, and what its worker can't know.
struct OldOrder {
  wire::SetWorkloadCommand command;
  std::optional<Duration> duration;  // it is stopped then
  Duration warmup{0};                // what it sends in that time is left out of the statistics
};

struct Orders {
  std::map<std::string, std::vector<wire::WorkloadOrder>> ours;  // by worker
  std::vector<OldOrder> old;
};

// The parameters of a client that sends this request, as JSON (docs/wire/workload.md).
std::string request_parameters(const load::Request& request, const load::Limits& limits);

// `number`: of the client over the whole run, which with the plan's seed gives its draws, so that
// the schedule is the same as on one machine; `index`: among the `of` clients of `spec`. The plan's
// warm-up counts in the first phase only.
wire::WorkloadOrder order_of(const load::ClientSpec& spec, const plan::Phase& phase,
                             const std::string& client, const plan::Plan& plan,
                             std::uint64_t number, std::uint32_t index, std::uint32_t of,
                             bool is_later_phase);

wire::ArrivalOrder arrival_order(const load::ArrivalSpec& arrival, Duration at);

// An Error where a service is reached in another way than that worker reaches all of them, which is
// the worker's own: by the labels that it shows.
Result<void> check_routers(const std::vector<load::ServiceSpec>& services,
                           const std::string& worker,
                           const std::map<std::string, std::string>& labels);

// An Error for what an old worker can't do: rate shapes and rates that change, a closed loop, a
// start that is delayed, so many redirects.
Result<OldOrder> old_order_of(const load::ClientSpec& spec, const plan::Phase& phase,
                              const std::string& client, const plan::Plan& plan,
                              bool is_later_phase);

}  // namespace galileo::experiment
