#include "experiment/node_faults.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/text.h"
#include "base/utf8.h"
#include "bus/keys.h"
#include "net/clock.h"
#include "net/loop.h"

namespace galileo::experiment {
namespace {

using Json = nlohmann::json;
using Kind = plan::ChangeCluster::Kind;
using wire::FaultOrder;
using wire::FaultReport;

constexpr Duration kLookAtAgentsEvery = std::chrono::milliseconds{500};
constexpr Duration kPause = std::chrono::milliseconds{10};
constexpr Duration kAnswersWithin = std::chrono::seconds{10};
constexpr Duration kTrialLasts = std::chrono::seconds{6};
constexpr Duration kEndsWithin = std::chrono::seconds{5};
constexpr Duration kLease = std::chrono::seconds{30};
constexpr Duration kRenewEvery = std::chrono::seconds{8};

Json told_of(const plan::ChangeCluster& change, const std::string& node, const std::string& pod) {
  Json told{{change.kind == Kind::kNetem ? "netem" : "stress", change.what},
            {"what", describe(change)},
            {"node", node}};
  if (!pod.empty()) told["pod"] = pod;
  return told;
}

// Ends that were asked for.
bool is_wanted(const std::string& why) {
  return why == "its time is over" || why == "asked" || why == "its experiment ends";
}

}  // namespace

NodeFaults::NodeFaults(bus::Bus& bus, const Platform::Context& context)
    : bus_(bus), context_(context), timer_([this](Time now) { look(now); }) {}

NodeFaults::~NodeFaults() {
  leave();
}

void NodeFaults::leave() {
  if (!subscription_) return;
  context_.control.timers().cancel(timer_);
  subscription_.reset();
  context_.control.run_pending();  // what has come from it
}

Result<void> NodeFaults::listen() {
  if (subscription_) return {};
  subscription_ = TRY(bus_.subscribe(
      {std::string(bus::kFaultReports)}, {}, [this](std::string_view, std::string_view message) {
        auto report = wire::parse_fault_report(message);
        if (!report.ok() || report->of != context_.id) return;
        context_.control.post([this, told = std::move(*report)] { on_report(told); });
      }));
  return {};
}

// Whether somebody listens.
Result<bool> NodeFaults::send(const std::string& node, const FaultOrder& order) {
  return TRY(bus_.publish(bus::fault_channel(node), wire::to_text(order))) > 0;
}

std::string NodeFaults::next_id() {
  return fmt::format("{}/{}", context_.id, ++ids_);
}

bool NodeFaults::wait(const std::function<bool()>& done, Duration within, bool may_interrupt) {
  const Time until = context_.control.clock().now() + within;
  while (!done()) {
    if (may_interrupt && context_.interrupted()) return false;
    context_.control.run_pending();
    if (context_.control.clock().now() > until) return done();
    net::pause_thread(kPause);
  }
  return true;
}

std::vector<FaultPart> NodeFaults::parts_at(const std::string& node,
                                            const plan::ChangeCluster& change) const {
  if (change.kind == Kind::kStress || !without_netem_.contains(node)) return fault_parts(change);
  auto parts = parts_without_netem(change);
  return parts.ok() ? std::move(*parts) : std::vector<FaultPart>();
}

Result<void> NodeFaults::run_trials(std::vector<Trial>& trials) {
  trials_.clear();
  std::map<std::string, int> of_node;
  int longest = 0;
  for (Trial& trial : trials) {
    FaultOrder order = trial.part.order;
    order.kind = FaultOrder::Kind::kTry;
    order.id = next_id();
    order.of = context_.id;
    trials_[order.id] = &trial;
    if (!TRY(send(trial.node, order)))
      return Error{ErrorCode::kUnavailable, describe(*trial.change) + " can't be",
                   fmt::format("node {}", trial.node), "no fault agent listens there",
                   kDeployAgent};
    longest = std::max(longest, ++of_node[trial.node]);
  }
  const auto all_told = [&] {
    return std::all_of(trials.begin(), trials.end(),
                       [](const Trial& trial) { return trial.report.has_value(); });
  };
  const bool is_done = wait(all_told, kAnswersWithin + kTrialLasts * longest, true);
  trials_.clear();
  if (context_.interrupted())
    return Error{ErrorCode::kInterrupted, "ended by a signal", {}, {}, {}};
  if (is_done) return {};
  const auto silent =
      std::find_if(trials.begin(), trials.end(), [](const Trial& trial) { return !trial.report; });
  return Error{ErrorCode::kUnavailable, describe(*silent->change) + " can't be tried",
               fmt::format("node {}", silent->node), "its fault agent doesn't answer",
               "the family's own agent tells nobody what it does: galileo chaos does"};
}

Result<void> NodeFaults::judge(const Trial& trial, const std::string& hint) const {
  const bool is_refused = trial.report->state == FaultReport::State::kRefused;
  const std::string why =
      is_refused ? trial.report->why : why_not_as_asked(trial.part, trial.report->effect);
  if (why.empty()) return {};
  return Error{
      ErrorCode::kUnavailable,
      fmt::format("{} {}", describe(*trial.change), is_refused ? "can't be" : "has no effect"),
      fmt::format("node {}", trial.node), one_line(why), hint};
}

Result<void> NodeFaults::try_out(const ClusterView& view) {
  const std::vector<const plan::ChangeCluster*> faults = faults_of(context_.plan);
  if (faults.empty()) return {};
  std::set<std::string> all;
  for (const auto& [node, about] : view.nodes) all.insert(node);
  TRY(listen());
  std::vector<Trial> trials;
  for (const plan::ChangeCluster* change : faults) {
    for (const std::string& node : nodes_of(*change, context_.plan, all)) {
      for (FaultPart& part : fault_parts(*change))
        trials.push_back({node, change, std::move(part), {}});
    }
  }
  TRY(run_trials(trials));
  std::vector<Trial> others;
  for (const Trial& trial : trials) {
    const bool lacks_netem = trial.change->kind == Kind::kNetem &&
                             trial.report->state == FaultReport::State::kRefused &&
                             trial.report->why.find("kind is unknown") != std::string::npos;
    if (!lacks_netem) {
      TRY(judge(trial, {}));
      continue;
    }
    without_netem_.insert(trial.node);
    auto parts = parts_without_netem(*trial.change);
    if (!parts.ok()) {
      Error error = parts.error();
      error.where = fmt::format("node {}", trial.node);
      return error;
    }
    for (FaultPart& part : *parts)
      others.push_back({trial.node, trial.change, std::move(part), {}});
  }
  if (others.empty()) return {};
  TRY(run_trials(others));
  for (const Trial& trial : others) TRY(judge(trial, "its kernel has no network emulator either"));
  return {};
}

Result<void> NodeFaults::begin(const plan::ChangeCluster& change,
                               const std::vector<Place>& places) {
  TRY(listen());
  const Time now = context_.control.clock().now();
  for (const Place& place : places) {
    std::vector<FaultPart> parts = parts_at(place.node, change);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      FaultOrder order = parts[i].order;
      order.id = next_id();
      order.of = context_.id;
      order.network = place.ip;
      order.lasts = change.lasts.value_or(Duration{0});
      // What another part is in goes after that.
      if (order.lasts.count() > 0 && parts[i].holds_others) order.lasts += kLookAtAgentsEvery;
      order.lease = kLease;
      begun_[order.id] = Begun{
          change, place, std::move(parts[i]), i + 1 == parts.size(), false, now + kAnswersWithin};
      heard_[place.node] = now;
      if (!TRY(send(place.node, order)))
        return Error{ErrorCode::kUnavailable, describe(change) + " can't be",
                     fmt::format("node {}", place.node), "no fault agent listens there",
                     kDeployAgent};
    }
  }
  context_.control.timers().set(timer_, now + kLookAtAgentsEvery);
  return {};
}

void NodeFaults::on_report(const FaultReport& report) {
  using State = FaultReport::State;
  const auto heard = heard_.find(report.node);
  if (heard != heard_.end()) heard->second = context_.control.clock().now();
  if (const auto trial = trials_.find(report.id); trial != trials_.end()) {
    trial->second->report = report;
    return;
  }
  if (report.state == State::kEnded && report.id.empty()) silent_.erase(report.node);
  const auto found = begun_.find(report.id);
  if (found == begun_.end()) return;
  if (report.state == State::kStarted) on_started(found->second, report);
  if (report.state == State::kEnded) on_ended(report.id, report);
  if (report.state != State::kRefused) return;
  fail({ErrorCode::kUnavailable,
        describe(found->second.change) + " can't be",
        fmt::format("node {}", report.node),
        report.why,
        {}});
  begun_.erase(found);
}

void NodeFaults::on_started(Begun& begun, const FaultReport& report) {
  begun.is_started = true;
  begun.due = kNever;
  if (!begun.is_last) return;
  Json told = told_of(begun.change, report.node, begun.place.pod);
  told["at"] = to_unix_seconds(report.at);
  context_.tell("cluster/change", told.dump());
}

void NodeFaults::on_ended(const std::string& id, const FaultReport& report) {
  const Begun begun = std::move(begun_.at(id));
  begun_.erase(id);
  Json told = told_of(begun.change, report.node, begun.place.pod);
  told["at"] = to_unix_seconds(report.at);
  told["ended"] = report.why;
  for (const auto& [name, value] : report.effect) told[name] = value;
  if (begun.is_last) context_.tell("cluster/change", told.dump());
  std::string why = is_wanted(report.why) || ends_ ? std::string() : "it ended: " + report.why;
  if (why.empty()) why = why_without_effect(begun.part, report.effect);
  if (!why.empty())
    fail({ErrorCode::kUnavailable,
          describe(begun.change) + " had no effect as asked for",
          fmt::format("node {}", report.node),
          why,
          {}});
}

void NodeFaults::fail(Error error) {
  if (failure_) return;
  failure_ = std::move(error);
  context_.end_run(*failure_);
}

// Signs of life, and whether agents answer them.
void NodeFaults::look(Time now) {
  for (const auto& [id, begun] : begun_) {
    if (begun.due <= now)
      fail({ErrorCode::kUnavailable,
            describe(begun.change) + " can't be",
            fmt::format("node {}", begun.place.node),
            "its fault agent doesn't answer",
            {}});
  }
  std::set<std::string> nodes;
  for (const auto& [id, begun] : begun_) nodes.insert(begun.place.node);
  for (const std::string& node : nodes) {
    if (now - heard_[node] > kLease)
      fail({ErrorCode::kUnavailable,
            "a fault can't be held up",
            fmt::format("node {}", node),
            fmt::format("its fault agent has been silent for {}", format_duration(kLease)),
            {}});
  }
  if (now >= next_renewal_) {
    next_renewal_ = now + kRenewEvery;
    FaultOrder renewal;
    renewal.kind = FaultOrder::Kind::kRenew;
    renewal.of = context_.id;
    for (const std::string& node : nodes) static_cast<void>(send(node, renewal).ok());
  }
  if (!begun_.empty()) context_.control.timers().set(timer_, now + kLookAtAgentsEvery);
}

std::vector<std::string> NodeFaults::end() {
  ends_ = true;
  context_.control.timers().cancel(timer_);
  std::vector<std::string> notes;
  FaultOrder order;
  order.kind = FaultOrder::Kind::kEnd;
  order.of = context_.id;
  for (const auto& [node, heard] : heard_) {
    const auto sent = send(node, order);
    if (sent.ok() && *sent) silent_.insert(node);
  }
  wait([this] { return silent_.empty(); }, kEndsWithin, false);
  for (const std::string& node : silent_)
    notes.push_back(fmt::format(
        "the fault agent of {} doesn't say that it has undone what this run asked for; it does so "
        "{} after the last sign of life",
        node, format_duration(kLease)));
  return notes;
}

}  // namespace galileo::experiment
