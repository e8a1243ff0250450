#include "plan/threshold_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "load/arrival.h"

namespace galileo::plan {
namespace {

using Names = std::vector<std::string>;

Error wrong(const analysis::Threshold& threshold, std::string why, std::string hint) {
  return Error{ErrorCode::kUsage,
               fmt::format("threshold '{}'", threshold.expression),
               {},
               std::move(why),
               std::move(hint)};
}

Result<void> one_of(const analysis::Threshold& threshold, std::string_view kind,
                    std::string_view name, const Names& known) {
  if (std::find(known.begin(), known.end(), name) != known.end()) return {};
  if (known.empty())
    return wrong(threshold, fmt::format("there is no {} '{}', nor any other", kind, name), {});
  return wrong(threshold, fmt::format("there is no {} '{}'", kind, name),
               hint_for_unknown(name, known));
}

template <class F>
bool any_client(const Plan& plan, F&& f) {
  return std::any_of(plan.phases.begin(), plan.phases.end(), [&](const Phase& phase) {
    return std::any_of(phase.clients.begin(), phase.clients.end(), f);
  });
}

// The hosts that requests go to; nothing where others may come to it while the run goes on.
std::optional<Names> servers_of(const Plan& plan) {
  const bool follows =
      plan.limits.redirects_max > 0 || any_client(plan, [](const load::ClientSpec& client) {
        return client.request.redirects_max.value_or(0) > 0;
      });
  if (follows) return std::nullopt;
  Names names;
  for (const load::ServiceSpec& service : plan.services) {
    if (service.hosts.empty()) return std::nullopt;  // from the bus, or in the router
    for (const auto& [host, weight] : service.hosts) names.push_back(host);
  }
  return names;
}

Result<void> check_group(const analysis::Threshold& threshold, const Plan& plan) {
  // Who the workers are is known when they have come.
  if (threshold.group.empty() || threshold.group == "worker") return {};
  if (threshold.group == "node") {
    const Names& nodes = plan.telemetry.nodes;
    return nodes.empty() ? Result<void>() : one_of(threshold, "node", threshold.group_name, nodes);
  }
  if (threshold.group == "server") {
    const auto servers = servers_of(plan);
    return servers ? one_of(threshold, "server", threshold.group_name, *servers) : Result<void>();
  }
  Names names;
  if (threshold.group == "service") {
    for (const load::ServiceSpec& service : plan.services) names.push_back(service.name);
    return one_of(threshold, "service", threshold.group_name, names);
  }
  if (threshold.group_name == analysis::Summary::kWarmup)
    return wrong(threshold, "the warm-up is left out of all figures", "name another phase");
  for (const Phase& phase : plan.phases) names.push_back(phase.name);
  return one_of(threshold, "phase", threshold.group_name, names);
}

Names watched_names(const analysis::Threshold& threshold, const Telemetry& telemetry) {
  Names names;
  if (threshold.metric == "file") {
    for (const auto& file : telemetry.files) names.push_back(file.name);
  } else if (threshold.metric == "scrape") {
    for (const auto& page : telemetry.pages) names.push_back(page.name);
  } else if (threshold.metric == "command") {
    for (const auto& command : telemetry.commands) names.push_back(command.name);
  } else {
    names = telemetry.applications;
    for (const WatchedProcess& process : telemetry.processes) names.push_back(process.name);
    names.emplace_back("galileo");  // the generator itself, always
  }
  return names;
}

Result<void> check_telemetry(const analysis::Threshold& threshold, const Plan& plan) {
  const auto& metrics = analysis::telemetry_metrics();
  const auto metric = std::find_if(metrics.begin(), metrics.end(),
                                   [&](const auto& one) { return one.name == threshold.metric; });
  if (metric == metrics.end()) return {};
  const Telemetry& telemetry = plan.telemetry;
  if (!telemetry.enabled)
    return wrong(threshold, fmt::format("'{}' is telemetry, which is off", threshold.metric),
                 "let it be on, or leave the threshold out");
  const auto& rows = telemetry::instrument_rows();
  const auto row = std::find_if(rows.begin(), rows.end(),
                                [&](const auto& one) { return one.name == metric->instrument; });
  const bool listed = std::find(telemetry.instruments.begin(), telemetry.instruments.end(),
                                metric->instrument) != telemetry.instruments.end();
  const bool is_process = metric->instrument == "process";
  if (!is_process && !listed && !(telemetry.instruments.empty() && row->by_default))
    return wrong(threshold, fmt::format("'{}' isn't read", threshold.metric),
                 fmt::format("add {} to telemetry.instruments", metric->instrument));
  const bool is_named = is_process || threshold.metric == "file" || threshold.metric == "scrape" ||
                        threshold.metric == "command";
  if (!is_named) return {};
  const Names names = watched_names(threshold, telemetry);
  if (threshold.subsystem.empty()) {
    if (!names.empty()) return {};
    return wrong(threshold, fmt::format("no {} is read", threshold.metric),
                 "name what is to be read under telemetry");
  }
  const std::string name = threshold.metric == "scrape"
                               ? threshold.subsystem.substr(0, threshold.subsystem.find('/'))
                               : threshold.subsystem;
  const std::string_view kind = is_process ? "watched process" : std::string_view(threshold.metric);
  return one_of(threshold, kind, name, names);
}

Result<void> check_open_loop(const analysis::Threshold& threshold, const Plan& plan) {
  if (threshold.metric != "dispatch_error") return {};
  const bool any_due = any_client(plan, [](const load::ClientSpec& client) {
    return !client.closed_loop && !load::unpaced(client.arrival);
  });
  if (any_due) return {};
  return wrong(threshold, "in a closed loop nothing is due, so nothing can be late",
               "give a rate, or leave the threshold out");
}

Result<void> check_checks(const analysis::Threshold& threshold, const Plan& plan) {
  if (threshold.metric != "checks") return {};
  const Names names = check_names(plan);
  if (names.empty())
    return wrong(threshold, "no client has checks", "add checks: [status 200] to a client");
  if (threshold.subsystem.empty()) return {};
  return one_of(threshold, "check", threshold.subsystem, names);
}

}  // namespace

Result<void> check_threshold(const analysis::Threshold& threshold, const Plan& plan) {
  TRY(check_checks(threshold, plan));
  TRY(check_group(threshold, plan));
  TRY(check_telemetry(threshold, plan));
  return check_open_loop(threshold, plan);
}

Result<void> check_threshold(std::string_view expression, const Plan& plan) {
  return check_threshold(TRY(analysis::parse_threshold(expression)), plan);
}

}  // namespace galileo::plan
