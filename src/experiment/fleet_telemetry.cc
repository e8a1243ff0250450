#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "experiment/telemetry_source.h"
#include "fleet/telemetry_nodes.h"
#include "telemetry/machine.h"

namespace galileo::experiment {
namespace {

// What the plan asks for of this machine alone: its instruments are a daemon's, which publishes
// them under the same node's name.
const std::vector<std::string> kOwn{"file", "scrape", "command", "process"};

// The nodes' values come by the bus, with the traces (on_fleet.cc).
class OfFleet final : public TelemetrySource {
 public:
  explicit OfFleet(bus::Bus& bus) : bus_(bus), here_(this_machine()) {}
  ~OfFleet() override { stop(); }

  Result<std::vector<wire::NodeInfo>> nodes() override {
    std::vector<wire::NodeInfo> all = TRY(here_->nodes());
    std::set<std::pair<std::string, std::string>> known;
    for (const wire::NodeInfo& info : all) known.emplace(info.node, info.key);
    // Of this machine what others know: its labels on a cluster.
    for (wire::NodeInfo& info : TRY(fleet::node_infos(bus_))) {
      if (known.emplace(info.node, info.key).second) all.push_back(std::move(info));
    }
    return all;
  }

  Result<void> start(const Context& context) override {
    nodes_ = TRY(meant(context.plan.telemetry.nodes));
    TRY(fleet::tell_nodes(bus_, nodes_, "unpause"));
    const bool is_node =
        std::find(nodes_.begin(), nodes_.end(), telemetry::hostname()) != nodes_.end();
    if (!is_node) return here_->start(context);
    plan_ = context.plan;
    std::vector<std::string>& wanted = plan_.telemetry.instruments;
    if (wanted.empty()) wanted = kOwn;
    std::erase_if(wanted, [](const std::string& name) {
      return std::find(kOwn.begin(), kOwn.end(), name) == kOwn.end();
    });
    if (wanted.empty()) wanted = {"process"};
    return here_->start({plan_, context.platform, context.collector, context.wall_clock});
  }

  // As the old system leaves them, quiet until the next run; those that weren't told to read are
  // told nothing.
  void stop() override {
    here_->stop();
    if (const auto told = fleet::tell_nodes(bus_, nodes_, "pause"); !told.ok())
      log(LogLevel::kWarning, "the nodes' telemetry can't be paused",
          {{"why", told.error().to_text()}});
    nodes_.clear();
  }

 private:
  // The named nodes, whose daemons must listen; all that do where none is named.
  Result<std::vector<std::string>> meant(const std::vector<std::string>& named) {
    std::vector<std::string> there = TRY(fleet::telemetry_nodes(bus_));
    for (const std::string& node : named) {
      if (std::find(there.begin(), there.end(), node) == there.end())
        return Error{
            ErrorCode::kUnavailable,
            fmt::format("no telemetry daemon of the node '{}' listens", node), bus_.where(),
            "telemetry.nodes names it",
            there.empty() ? "start it there: galileo telemd" : hint_for_unknown(node, there)};
    }
    return named.empty() ? there : named;
  }

  bus::Bus& bus_;
  const std::unique_ptr<TelemetrySource> here_;
  plan::Plan plan_;  // for what is read here
  std::vector<std::string> nodes_;
};

}  // namespace

std::unique_ptr<TelemetrySource> telemetry_of_fleet(bus::Bus& bus) {
  return std::make_unique<OfFleet>(bus);
}

}  // namespace galileo::experiment
