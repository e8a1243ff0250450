#include "plan/threshold_abort.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "load/arrival.h"

namespace galileo::plan {
namespace {

// More than that is as good as not known, and sums of it are far from the end of their type.
constexpr double kMostRequests = 1e15;

// Whether its schedule has as many requests for every seed, but for one.
bool is_certain(const load::ArrivalSpec& arrival) {
  const std::string& kind = arrival.kind;
  const bool is_even = kind == "constant" || kind == "constant_rate" || kind == "sine" ||
                       kind == "ramp" || kind == "steps";
  return kind == "prerecorded" || (is_even && arrival.process == "static");
}

bool may_change_when(const load::ClientSpec& client, const Phase& phase) {
  return std::any_of(phase.actions.begin(), phase.actions.end(), [&](const Action& action) {
    const auto* const change = std::get_if<Action::ChangeArrival>(&action.what);
    return change && !action.at && change->client == client.name;
  });
}

// Of one client of the group. Each stretch of its schedule may begin with one more.
std::optional<std::uint64_t> most_of(const load::ClientSpec& client, const Phase& phase,
                                     CountBy by) {
  if (client.requests) return client.requests;
  if (by == CountBy::kNumber) return std::nullopt;
  const bool is_drawn =
      std::any_of(client.changes.begin(), client.changes.end(),
                  [](const load::ArrivalChange& one) { return !is_certain(one.arrival); });
  if (client.closed_loop || load::unpaced(client.arrival) || !client.request.source.kind.empty() ||
      is_drawn || !is_certain(client.arrival) || may_change_when(client, phase))
    return std::nullopt;
  const ClientExpectation one = expect(client, phase);
  if (!one.requests || *one.requests > kMostRequests) return std::nullopt;
  return static_cast<std::uint64_t>(std::ceil(*one.requests)) + 1 + client.changes.size();
}

// Of all clients of the group, with each step of a scenario.
std::optional<std::uint64_t> most_of_all(const load::ClientSpec& client, const Phase& phase,
                                         CountBy by) {
  const auto one = most_of(client, phase, by);
  const std::uint64_t times =
      std::max<std::uint64_t>(client.request.steps.size(), 1) * client.count;
  if (!one || static_cast<double>(*one) * static_cast<double>(times) > kMostRequests)
    return std::nullopt;
  return *one * times;
}

std::uint64_t checks_of(const std::vector<load::CheckSpec>& checks, const std::string& name) {
  return static_cast<std::uint64_t>(std::count_if(
      checks.begin(), checks.end(),
      [&](const load::CheckSpec& check) { return name.empty() || check.name == name; }));
}

std::uint64_t checks_of(const load::ClientSpec& client, const std::string& name) {
  std::uint64_t checks = checks_of(client.request.checks, name);
  for (const load::Step& step : client.request.steps)
    checks += checks_of(step.request.checks, name);
  return checks;
}

Error undecidable(const analysis::Threshold& threshold, std::string why, std::string hint) {
  return Error{ErrorCode::kUsage,
               fmt::format("threshold '{}'", threshold.expression),
               {},
               std::move(why),
               std::move(hint)};
}

}  // namespace

analysis::AtMost at_most(const Plan& plan, const analysis::Threshold& threshold, CountBy by) {
  analysis::AtMost most{0, 0};
  for (const Phase& phase : plan.phases) {
    if (threshold.group == "phase" && phase.name != threshold.group_name) continue;
    for (const load::ClientSpec& client : phase.clients) {
      if (threshold.group == "service" && client.service != threshold.group_name) continue;
      const auto of_client = most_of_all(client, phase, by);
      if (of_client && most.requests)
        *most.requests += *of_client;
      else
        most.requests.reset();
      most.checks = std::max(most.checks, checks_of(client, threshold.subsystem));
    }
  }
  return most;
}

Result<void> check_abort(const analysis::Threshold& threshold, const PlannedThreshold& planned,
                         const Plan& plan) {
  if (!planned.abort && planned.lasting)
    return undecidable(threshold, "'for' is of a threshold that ends the run", "add abort: true");
  if (!planned.abort) return {};
  const analysis::ProofBy by = analysis::proof_of(threshold);
  const bool is_checks = threshold.metric == "checks";
  if (threshold.metric == "in_flight" || (is_checks && by == analysis::ProofBy::kNothing))
    return undecidable(threshold, "what it asks is known when the run has ended",
                       "leave abort out");
  const bool is_known = by == analysis::ProofBy::kCounts ||
                        (by == analysis::ProofBy::kRequests && at_most(plan, threshold).requests);
  if (is_known || (planned.lasting && !is_checks)) return {};
  if (is_checks)
    return undecidable(threshold, "how many requests there will be isn't known",
                       "give the clients requests: N, or leave abort out");
  return undecidable(
      threshold,
      by == analysis::ProofBy::kNothing ? "what follows can always make up for it"
                                        : "how many requests there will be isn't known",
      "say how long it may be crossed before the run ends: for: 30s (--abort-after 30s)");
}

}  // namespace galileo::plan
