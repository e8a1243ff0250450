#include "analysis/placement.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace galileo::analysis {
namespace {

using Key = std::pair<std::string, std::string>;  // application, node

// Who had the host when it was asked last: what came to be known later counts too.
std::size_t pod_of(const JoinedView& joined, const JoinedView::Share& share) {
  return share.pod != PodLives::kNone ? share.pod
                                      : joined.pods().at_address(share.host, share.last);
}

struct Gathering {
  PlacementRow row;
  std::set<std::size_t> served_by;
};

// Of an application's requests those whose host is known, and whose pod isn't.
struct Unplaced {
  std::uint64_t answered = 0;
  Histogram latency{Histogram::Grain::kCoarse};
  LegTimes execution;
};

// Requests that no pod is known of: what the services have beyond the rest.
void add_unplaced(std::map<Key, Gathering>& rows, const Applications& applications,
                  const Summary& summary,
                  const std::map<std::string, std::pair<std::uint64_t, std::uint64_t>>& placed) {
  for (const GroupFigures& service : summary.services()) {
    const auto found = placed.find(service.name);
    const auto [answered, failed] =
        found == placed.end() ? std::pair<std::uint64_t, std::uint64_t>() : found->second;
    const std::uint64_t more_answered = service.answered - std::min(service.answered, answered);
    const std::uint64_t more_failed = service.failed - std::min(service.failed, failed);
    if (more_answered + more_failed == 0) continue;
    const std::string application = applications.of(service.name);
    PlacementRow& row = rows[{application, ""}].row;
    row.application = application;
    row.answered += more_answered;
    row.failed += more_failed;
  }
}

// How long they took is told only where it is known of all of them.
void add_times(PlacementRow& row, const std::map<std::string, Unplaced>& unplaced) {
  const auto found = unplaced.find(row.application);
  if (!row.node.empty() || found == unplaced.end() || found->second.answered != row.answered)
    return;
  row.latency = found->second.latency;
  row.execution = found->second.execution;
}

}  // namespace

std::optional<double> PlacementRow::cpu_s_per_request() const {
  if (!cpu_s || served == 0) return std::nullopt;
  return *cpu_s / static_cast<double>(served);
}

// A container of which one value or none was heard isn't measured; a run of it that ended before
// the next look is a part of the whole all the same.
std::optional<double> cpu_s_of(const JoinedView& joined, const PodLives::Pod& pod) {
  double sum = 0;
  for (const PodLives::Container& container : pod.containers) {
    bool is_measured = false;
    for (const std::string& id : container.ids) {
      const JoinedView::Use* const use = joined.use_of(id);
      if (!use || !use->cpu_ns.is_known()) continue;
      is_measured = true;
      sum += use->cpu_ns.grown() / 1e9;
    }
    if (!is_measured) return std::nullopt;
  }
  return pod.containers.empty() ? std::nullopt : std::optional(sum);
}

// The largest of each container's runs, and of the containers their sum.
std::optional<double> memory_max_of(const JoinedView& joined, const PodLives::Pod& pod) {
  double sum = 0;
  for (const PodLives::Container& container : pod.containers) {
    std::optional<double> most;
    for (const std::string& id : container.ids) {
      const JoinedView::Use* const use = joined.use_of(id);
      if (use && use->memory_count > 0) most = std::max(most.value_or(0), use->memory_max);
    }
    if (!most) return std::nullopt;
    sum += *most;
  }
  return pod.containers.empty() ? std::nullopt : std::optional(sum);
}

Applications::Applications(const JoinedView& joined) {
  const PodLives& pods = joined.pods();
  for (const PodLives::Pod& pod : pods.all()) {
    if (pod.is_of_application()) functions_.insert(pod.function);
    if (const std::string& zone = pods.zone_of(pod); !zone.empty()) zones_.insert(zone);
  }
  for (const JoinedView::Share& share : joined.shares()) {
    const std::size_t pod = pod_of(joined, share);
    if (pod != PodLives::kNone && pods.all()[pod].is_of_application())
      functions_of_[share.service].insert(pods.all()[pod].function);
  }
}

std::string Applications::of(const std::string& service) const {
  const auto served = functions_of_.find(service);
  if (served != functions_of_.end() && served->second.size() == 1) return *served->second.begin();
  if (functions_.contains(service)) return service;
  for (std::size_t dash = service.find('-'); dash != std::string::npos;
       dash = service.find('-', dash + 1)) {
    std::string function = service.substr(0, dash);
    if (functions_.contains(function) && zones_.contains(service.substr(dash + 1))) return function;
  }
  return service;
}

std::vector<PlacementRow> placement(const JoinedView& joined, const Summary& summary) {
  const std::vector<PodLives::Pod>& pods = joined.pods().all();
  std::map<Key, Gathering> rows;
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> placed;
  const Applications applications(joined);
  std::map<std::string, Unplaced> unplaced;
  const auto row_of = [&](const PodLives::Pod& pod, const std::string& application) -> Gathering& {
    Gathering& gathering = rows[{application, pod.node}];
    gathering.row.application = application;
    gathering.row.node = pod.node;
    gathering.row.zone = pod.node.empty() ? "" : joined.pods().zone_of(pod);
    return gathering;
  };
  for (const PodLives::Pod& pod : pods) {
    if (pod.is_of_application() && !pod.node.empty()) ++row_of(pod, pod.function).row.pods;
  }
  for (const JoinedView::Share& share : joined.shares()) {
    const std::size_t place = pod_of(joined, share);
    // What a gateway answered itself no pod of an application has had.
    if (place == PodLives::kNone || pods[place].node.empty() || pods[place].is_gateway) {
      Unplaced& some = unplaced[applications.of(share.service)];
      some.answered += share.answered;
      some.latency.merge(share.latency);
      some.execution.merge(share.execution);
      continue;
    }
    const PodLives::Pod& pod = pods[place];
    Gathering& gathering =
        row_of(pod, pod.is_of_application() ? pod.function : applications.of(share.service));
    gathering.served_by.insert(place);
    PlacementRow& row = gathering.row;
    row.answered += share.answered;
    row.failed += share.failed;
    row.served += share.served;
    row.latency.merge(share.latency);
    row.execution.merge(share.execution);
    placed[share.service].first += share.answered;
    placed[share.service].second += share.failed;
  }
  if (rows.empty()) return {};
  add_unplaced(rows, applications, summary, placed);
  std::vector<PlacementRow> all;
  for (auto& [key, gathering] : rows) {
    PlacementRow& row = gathering.row;
    row.pods = std::max(row.pods, gathering.served_by.size());
    add_times(row, unplaced);
    for (const std::size_t place : gathering.served_by) {
      const auto used = cpu_s_of(joined, pods[place]);
      if (!used) {
        row.cpu_s.reset();
        break;
      }
      row.cpu_s = row.cpu_s.value_or(0) + *used;
    }
    if (row.pods + row.answered + row.failed > 0) all.push_back(std::move(row));
  }
  std::sort(all.begin(), all.end(), [](const PlacementRow& a, const PlacementRow& b) {
    return std::tuple(a.node.empty(), std::tie(a.application, a.node)) <
           std::tuple(b.node.empty(), std::tie(b.application, b.node));
  });
  return all;
}

}  // namespace galileo::analysis
