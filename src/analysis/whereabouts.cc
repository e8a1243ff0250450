#include "analysis/whereabouts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/utf8.h"

namespace galileo::analysis {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kColumn = 22;

// Names of applications, nodes and schedulers come from files and clusters.
std::string shown(const std::string& name) {
  return shortened(one_line(name), 40);
}

std::string line(const std::string& head, std::size_t width,
                 const std::vector<std::string>& cells) {
  std::string text = fmt::format("  {:<{}}", head, width);
  for (const std::string& cell : cells) text += fmt::format(" {:>{}}", cell, kColumn);
  return text + "\n";
}

std::vector<std::string> scheduler_cells(const std::vector<Whereabouts>& sides,
                                         const std::string& application) {
  std::vector<std::string> cells;
  for (const Whereabouts& side : sides) {
    const auto found = side.schedulers.find(application);
    cells.push_back(found == side.schedulers.end()
                        ? "-"
                        : shown(fmt::format("{}", fmt::join(found->second, ", "))));
  }
  return cells;
}

std::vector<std::string> node_cells(const std::vector<Whereabouts>& sides,
                                    const std::pair<std::string, std::string>& where) {
  std::vector<std::string> cells;
  for (const Whereabouts& side : sides) {
    const auto found = side.nodes.find(where);
    if (found == side.nodes.end()) {
      cells.emplace_back("-");
      continue;
    }
    const double pods = side.pods_of(found->second);
    cells.push_back(fmt::format("{:.{}f} pods {:>5.1f} %", pods, side.runs == 1 ? 0 : 1,
                                100 * side.share_of(where.first, found->second)));
  }
  return cells;
}

}  // namespace

void Whereabouts::add(const RunResult& run, const std::vector<PlacementRow>& rows) {
  ++runs;
  for (const PlacementRow& row : rows) {
    if (row.node.empty()) continue;
    Node& node = nodes[{row.application, row.node}];
    node.pods += row.pods;
    node.answered += row.answered;
  }
  const Json plan = Json::parse(run.provenance.plan_json, nullptr, false);
  if (!plan.is_object() || !plan.contains("applications") || !plan["applications"].is_array())
    return;
  for (const Json& application : plan["applications"]) {
    if (application.is_object() && application.contains("scheduler") &&
        application["scheduler"].is_string() && application.contains("name") &&
        application["name"].is_string())
      schedulers[application["name"]].insert(application["scheduler"]);
  }
}

double Whereabouts::pods_of(const Node& node) const {
  return runs == 0 ? 0 : static_cast<double>(node.pods) / static_cast<double>(runs);
}

double Whereabouts::share_of(const std::string& application, const Node& node) const {
  std::uint64_t all = 0;
  for (const auto& [where, other] : nodes) all += where.first == application ? other.answered : 0;
  return all == 0 ? 0 : static_cast<double>(node.answered) / static_cast<double>(all);
}

std::string whereabouts_text(const std::vector<Whereabouts>& sides) {
  std::set<std::pair<std::string, std::string>> all;
  std::set<std::string> scheduled;
  for (const Whereabouts& side : sides) {
    for (const auto& [where, node] : side.nodes) all.insert(where);
    for (const auto& [application, schedulers] : side.schedulers) scheduled.insert(application);
  }
  if (all.empty()) return {};
  const auto head_of = [](const auto& where) {
    return fmt::format("{} on {}", shown(where.first), shown(where.second));
  };
  std::size_t width = 0;
  for (const auto& where : all) width = std::max(width, head_of(where).size());
  for (const std::string& application : scheduled)
    width = std::max(width, shown(application).size() + std::string_view(" put by").size());
  std::string text = "where pods were, and their share of the answers\n";
  for (const std::string& application : scheduled)
    text += line(shown(application) + " put by", width, scheduler_cells(sides, application));
  for (const auto& where : all) text += line(head_of(where), width, node_cells(sides, where));
  return text;
}

}  // namespace galileo::analysis
