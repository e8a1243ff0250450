#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>
#include <utility>

#include "analysis/json_parts.h"
#include "analysis/placement.h"
#include "analysis/throttling.h"

namespace galileo::analysis {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr std::size_t kPodsShown = 500;
constexpr std::size_t kPointsMax = 600;  // of a series that goes in steps
constexpr std::size_t kFunctionsShown = 50;
constexpr std::size_t kTargetsShown = 50;

OrderedJson text_or_null(const std::string& text) {
  return text.empty() ? OrderedJson(nullptr) : OrderedJson(text);
}

OrderedJson number_or_null(const std::optional<double>& value) {
  return value ? OrderedJson(*value) : OrderedJson(nullptr);
}

// Seconds since the start of the series; what was before it, or is by a clock that is behind, is at
// its beginning.
double since(Wall start, Wall at) {
  return std::max(0.0, to_seconds(at - start));
}

OrderedJson since_or_null(Wall start, Wall at) {
  return at == kNoWall ? OrderedJson(nullptr) : OrderedJson(since(start, at));
}

// Which of so many moments are shown, where there are more than fit: of each stretch of time the
// last, since a step holds until the next one.
std::vector<std::size_t> kept_of(const std::vector<double>& t_s) {
  std::vector<std::size_t> kept;
  const double width = t_s.empty() ? 0 : (t_s.back() - t_s.front()) / kPointsMax;
  const auto stretch = [&](std::size_t i) {
    return static_cast<std::size_t>((t_s[i] - t_s.front()) / width);
  };
  for (std::size_t i = 0; i < t_s.size(); ++i) {
    const bool is_last = i + 1 == t_s.size();
    if (t_s.size() <= kPointsMax || is_last || width <= 0 || stretch(i) != stretch(i + 1))
      kept.push_back(i);
  }
  return kept;
}

// Times that can't be are none: with more than a few of them the clocks are known to differ, and
// what the rest say isn't how long it took.
OrderedJson leg_json(const LegTimes& leg) {
  const std::uint64_t all = leg.values.count() + leg.negative;
  const bool is_known = leg.negative * 100 <= all && leg.values.count() > 0;
  return {{"time_s", is_known ? figures_json(times_of(leg.values)) : OrderedJson(nullptr)},
          {"negative", leg.negative}};
}

using Changes = std::map<Wall, std::int64_t>;

OrderedJson replicas_row(const std::string& function, const std::string& node,
                         const Changes& changes, Wall start) {
  std::vector<double> t_s;
  std::vector<std::int64_t> count;
  std::int64_t now = 0;
  for (const auto& [at, change] : changes) {
    now += change;
    const double t = since(start, at);
    if (!t_s.empty() && t_s.back() == t) {
      count.back() = now;
      continue;
    }
    t_s.push_back(t);
    count.push_back(now);
  }
  OrderedJson row{
      {"function", function}, {"node", text_or_null(node)}, {"t_s", OrderedJson::array()}};
  row["count"] = OrderedJson::array();
  for (const std::size_t i : kept_of(t_s)) {
    row["t_s"].push_back(t_s[i]);
    row["count"].push_back(count[i]);
  }
  return row;
}

// Of each function in all, and on each node where it has been on several.
OrderedJson replicas_json(const PodLives& pods, Wall start) {
  std::map<std::string, std::map<std::string, Changes>> by_function;
  for (const PodLives::Pod& pod : pods.all()) {
    if (!pod.is_of_application() || pod.running == kNoWall) continue;
    auto& nodes = by_function[pod.function];
    // Who told of its end may have another clock than who told of its beginning.
    const Wall ended = pod.ended == kNoWall ? kNoWall : std::max(pod.ended, pod.running);
    const std::set<std::string> both{"", pod.node};
    for (const std::string& node : both) {
      ++nodes[node][pod.running];
      if (ended != kNoWall) --nodes[node][ended];
    }
  }
  OrderedJson rows = OrderedJson::array();
  for (const auto& [function, nodes] : by_function) {
    if (rows.size() >= kFunctionsShown) break;
    rows.push_back(replicas_row(function, "", nodes.at(""), start));
    for (const auto& [node, changes] : nodes) {
      if (!node.empty() && nodes.size() > 2)
        rows.push_back(replicas_row(function, node, changes, start));
    }
  }
  return rows;
}

OrderedJson weights_row(const std::string& function, const std::string& zone,
                        const JoinedView::Weights& weights, const PodLives& pods, Wall start) {
  std::vector<double> t_s;
  for (const JoinedView::Weights::Update& update : weights.updates)
    t_s.push_back(since(start, update.at));
  const std::vector<std::size_t> kept = kept_of(t_s);
  OrderedJson row{{"function", function}, {"zone", zone}, {"t_s", OrderedJson::array()}};
  for (const std::size_t i : kept) row["t_s"].push_back(t_s[i]);
  row["targets"] = OrderedJson::array();
  for (std::uint32_t place = 0; place < std::min(weights.targets.size(), kTargetsShown); ++place) {
    OrderedJson values = OrderedJson::array();
    Wall last = kNoWall;
    for (const std::size_t i : kept) {
      const auto& update = weights.updates[i];
      const auto found = std::find_if(update.weights.begin(), update.weights.end(),
                                      [&](const auto& one) { return one.first == place; });
      if (found != update.weights.end()) last = update.at;
      values.push_back(found == update.weights.end() ? OrderedJson(nullptr)
                                                     : OrderedJson(found->second));
    }
    const std::string& target = weights.targets[place];
    const std::size_t pod = pods.at_address(target, last);
    row["targets"].push_back({{"target", target},
                              {"name", pod == PodLives::kNone ? OrderedJson(nullptr)
                                                              : OrderedJson(pods.all()[pod].name)},
                              {"weight", values}});
  }
  row["targets_left_out"] =
      weights.targets.size() - std::min(weights.targets.size(), kTargetsShown);
  return row;
}

OrderedJson weights_json(const JoinedView& joined, Wall start) {
  OrderedJson rows = OrderedJson::array();
  for (const auto& [key, weights] : joined.weights()) {
    if (rows.size() < kFunctionsShown)
      rows.push_back(weights_row(key.first, key.second, weights, joined.pods(), start));
  }
  return rows;
}

OrderedJson hops_row(const JoinedView::Path& path, const std::string& application) {
  std::vector<std::string> stations{"client"};
  stations.insert(stations.end(), path.gateways.begin(), path.gateways.end());
  if (path.has_times) {
    stations.push_back(application);
    stations.push_back(application);
  }
  stations.emplace_back("client");
  OrderedJson row{{"application", application},
                  {"gateways", path.gateways},
                  {"requests", path.requests},
                  {"way", path.has_times ? leg_json(path.way) : OrderedJson(nullptr)},
                  {"legs", OrderedJson::array()}};
  for (std::size_t i = 0; i < path.legs.size(); ++i) {
    OrderedJson leg{{"from", stations[i]}, {"to", stations[i + 1]}};
    leg.update(leg_json(path.legs[i]));
    row["legs"].push_back(leg);
  }
  return row;
}

OrderedJson hops_json(const JoinedView& joined) {
  const Applications applications(joined);
  std::vector<const JoinedView::Path*> paths;
  for (const JoinedView::Path& path : joined.paths()) paths.push_back(&path);
  std::sort(paths.begin(), paths.end(), [](const auto* a, const auto* b) {
    return std::tie(a->service, a->gateways, a->has_times) <
           std::tie(b->service, b->gateways, b->has_times);
  });
  OrderedJson rows = OrderedJson::array();
  for (const JoinedView::Path* path : paths)
    rows.push_back(hops_row(*path, applications.of(path->service)));
  return rows;
}

OrderedJson placement_json(const JoinedView& joined, const Summary& summary) {
  OrderedJson rows = OrderedJson::array();
  for (const PlacementRow& row : placement(joined, summary)) {
    const bool has_latency = row.latency.count() > 0;
    rows.push_back({{"application", row.application},
                    {"node", text_or_null(row.node)},
                    {"zone", text_or_null(row.zone)},
                    {"pods", row.node.empty() ? OrderedJson(nullptr) : OrderedJson(row.pods)},
                    {"answered", row.answered},
                    {"failed", row.failed},
                    {"latency_answered_s",
                     has_latency ? figures_json(times_of(row.latency)) : OrderedJson(nullptr)},
                    {"execution_s", leg_json(row.execution)["time_s"]},
                    {"cpu_s", number_or_null(row.cpu_s)},
                    {"cpu_s_per_request", number_or_null(row.cpu_s_per_request())}});
  }
  return rows;
}

OrderedJson pod_json(const JoinedView& joined, const PodLives::Pod& pod, Wall start) {
  OrderedJson containers = OrderedJson::array();
  for (const PodLives::Container& container : pod.containers)
    containers.push_back({{"name", container.name},
                          {"image", text_or_null(container.image)},
                          {"ids", container.ids}});
  Wall ended = pod.ended;
  if (ended != kNoWall && pod.running != kNoWall) ended = std::max(ended, pod.running);
  const auto held = throttled_of(joined, pod);
  return {{"name", pod.name},
          {"namespace", text_or_null(pod.name_space)},
          {"uid", pod.uid},
          {"function", text_or_null(pod.function)},
          {"node", text_or_null(pod.node)},
          {"zone", text_or_null(joined.pods().zone_of(pod))},
          {"ip", text_or_null(pod.ip)},
          {"containers", containers},
          {"running_s", since_or_null(start, pod.running)},
          {"ended_s", since_or_null(start, ended)},
          {"cpu_s", number_or_null(cpu_s_of(joined, pod))},
          {"memory_max_bytes", number_or_null(memory_max_of(joined, pod))},
          {"cpu_limit_periods", held ? OrderedJson(held->periods) : OrderedJson(nullptr)},
          {"cpu_limit_throttled", held ? OrderedJson(held->throttled) : OrderedJson(nullptr)}};
}

// Those of applications and gateways, whoever served a request, and what else of ours was held
// back: a cluster has many others.
std::vector<const PodLives::Pod*> pods_shown(const JoinedView& joined) {
  const std::vector<PodLives::Pod>& all = joined.pods().all();
  std::set<std::size_t> served;
  for (const JoinedView::Share& share : joined.shares()) served.insert(share.pod);
  std::vector<const PodLives::Pod*> shown;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const bool is_held = !part_of(all[i]).empty() && throttled_of(joined, all[i]);
    if (all[i].is_of_application() || all[i].is_gateway || served.contains(i) || is_held)
      shown.push_back(&all[i]);
  }
  std::sort(shown.begin(), shown.end(), [](const PodLives::Pod* a, const PodLives::Pod* b) {
    return std::tie(a->function, a->node, a->name, a->uid) <
           std::tie(b->function, b->node, b->name, b->uid);
  });
  return shown;
}

}  // namespace

OrderedJson cluster_json(const JoinedView& joined, const Summary& summary) {
  if (joined.pods().empty() && joined.weights().empty() && joined.paths().empty()) return nullptr;
  const Wall start = summary.start();
  const std::vector<const PodLives::Pod*> shown = pods_shown(joined);
  OrderedJson pods = OrderedJson::array();
  std::set<std::string> names;
  for (const PodLives::Pod* pod : shown) {
    if (pods.size() < kPodsShown) pods.push_back(pod_json(joined, *pod, start));
    if (!pod->node.empty()) names.insert(pod->node);
  }
  OrderedJson nodes = OrderedJson::array();
  for (const std::string& name : names)
    nodes.push_back({{"name", name}, {"zone", text_or_null(joined.pods().zone_of_node(name))}});
  return {{"nodes", nodes},
          {"pods", pods},
          {"pods_left_out", shown.size() - pods.size() + joined.pods().left_out()},
          {"replicas", replicas_json(joined.pods(), start)},
          {"weights", weights_json(joined, start)},
          {"weights_left_out", joined.weights_left_out()},
          {"hops", hops_json(joined)},
          {"hops_left_out", joined.hops_left_out()},
          {"placement", placement_json(joined, summary)}};
}

OrderedJson events_json(const JoinedView& joined, Wall start) {
  std::vector<const JoinedView::Mark*> marks;
  for (const JoinedView::Mark& mark : joined.marks()) marks.push_back(&mark);
  std::sort(marks.begin(), marks.end(), [](const auto* a, const auto* b) {
    return std::tie(a->at, a->name, a->text) < std::tie(b->at, b->name, b->text);
  });
  OrderedJson list = OrderedJson::array();
  for (const JoinedView::Mark* mark : marks)
    list.push_back({{"t_s", since(start, mark->at)}, {"name", mark->name}, {"text", mark->text}});
  return {{"list", list}, {"left_out", joined.marks_left_out()}};
}

}  // namespace galileo::analysis
