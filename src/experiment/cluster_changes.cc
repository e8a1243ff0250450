#include "experiment/cluster_changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/text.h"
#include "kubernetes/objects.h"
#include "kubernetes/paths.h"
#include "kubernetes/requests.h"
#include "net/clock.h"
#include "net/loop.h"
#include "plan/scaled.h"
#include "pods/fields.h"
#include "pods/pod.h"

namespace galileo::experiment {
namespace {

using Json = nlohmann::json;
using Kind = plan::ChangeCluster::Kind;

constexpr Duration kLookEvery = std::chrono::milliseconds{500};
constexpr Duration kResizedWithin = std::chrono::seconds{30};

// A failure of one of these makes the run another than was asked for.
bool must_be(Kind kind) {
  return kind == Kind::kWeights || kind == Kind::kResize || kind == Kind::kNetem ||
         kind == Kind::kStress;
}

// Of the plan, whose name was looked at when the file was read.
Result<plan::Scaled> scaled_of(const plan::ChangeCluster& change, const plan::Plan& plan,
                               const std::string& name_space) {
  const auto found =
      std::find_if(plan.applications.begin(), plan.applications.end(),
                   [&](const plan::Application& one) { return one.name == change.what; });
  if (found == plan.applications.end())
    return Error{
        ErrorCode::kUsage, describe(change) + " can't be", {}, "no application is called so", {}};
  plan::Scaled scaled = TRY(scaled_by(*found, plan));
  if (scaled.name_space.empty() || scaled.name_space == name_space) return scaled;
  return Error{ErrorCode::kUsage,
               describe(change) + " can't be",
               {},
               fmt::format("{} '{}' is in the namespace {}, and the run's pods are in {}",
                           scaled.plural, scaled.name, scaled.name_space, name_space),
               {}};
}

}  // namespace

ClusterChanges::ClusterChanges(Hold hold)
    : hold_(std::move(hold)), timer_([this](Time now) { look(now); }) {}

ClusterChanges::~ClusterChanges() = default;

Result<void> ClusterChanges::prepare() {
  const plan::ChangeCluster* fault = nullptr;
  for (const plan::Phase& phase : hold_.context.plan.phases) {
    for (const plan::Action& action : phase.actions) {
      const auto* const change = std::get_if<plan::ChangeCluster>(&action.what);
      if (!change) continue;
      if (change->kind == Kind::kWeights &&
          hold_.context.plan.cluster->weights == plan::WhoWeighs::kNone)
        return Error{ErrorCode::kUsage,
                     describe(*change) + " can't be",
                     {},
                     "kubernetes.weights is none: another writes them",
                     "let it be follow or once"};
      if (change->kind == Kind::kNetem || change->kind == Kind::kStress) fault = change;
      if (change->kind == Kind::kScale) TRY(check_scale(*change));
    }
  }
  if (!fault) return {};
  if (!hold_.bus)
    return Error{ErrorCode::kUsage,
                 describe(*fault) + " can't be",
                 {},
                 "nodes' fault agents are asked over the bus, and none is named",
                 "name it: --bus redis://..."};
  faults_ = std::make_unique<NodeFaults>(*hold_.bus, hold_.context);
  auto tried = faults_->try_out(hold_.view);
  if (!tried.ok()) faults_->leave();
  return tried;
}

Result<std::string> ClusterChanges::make(const plan::ChangeCluster& change, ClusterWatch& watch) {
  watch_ = &watch;
  const auto done = [&]() -> Result<std::string> {
    switch (change.kind) {
      case Kind::kScale:
        return scale(change);
      case Kind::kDeletePod:
        return delete_pod(change);
      case Kind::kCordon:
        return cordon(change, true);
      case Kind::kUncordon:
        return cordon(change, false);
      case Kind::kWeights:
        return weigh(change);
      case Kind::kResize:
        return resize(change);
      case Kind::kNetem:
      case Kind::kStress:
        return disturb(change);
    }
    return std::string();
  }();
  if (!done.ok() && must_be(change.kind)) fail(done.error());
  return done;
}

// What isn't a Deployment takes a right that runs don't need otherwise.
Result<void> ClusterChanges::check_scale(const plan::ChangeCluster& change) {
  const plan::Scaled scaled = TRY(scaled_of(change, hold_.context.plan, hold_.name_space));
  const kubernetes::Right right{"patch", "apps", scaled.plural + "/scale", hold_.name_space, {}};
  if (TRY(hold_.calls.may(right))) return {};
  return Error{ErrorCode::kUsage,
               describe(change) + " can't be",
               {},
               fmt::format("you may not patch {} (apps) in {}", right.resource, hold_.name_space),
               "give the user this right by a Role and a RoleBinding: docs/how-to/pods.md"};
}

// By the subresource: what else of the Deployment is somebody's isn't touched.
Result<std::string> ClusterChanges::scale(const plan::ChangeCluster& change) {
  const plan::Scaled scaled = TRY(scaled_of(change, hold_.context.plan, hold_.name_space));
  const std::string path = kubernetes::object_path(
      kubernetes::collection("apps/v1", hold_.name_space, scaled.plural), scaled.name, "scale");
  TRY(hold_.calls.patch(path, {{"spec", {{"replicas", change.replicas}}}},
                        "application/merge-patch+json"));
  return Json{{"scale", change.what}, {"replicas", change.replicas}, {"what", describe(change)}}
      .dump();
}

// The first by name: the same in each repetition. No request is to meet it while it ends.
Result<std::string> ClusterChanges::delete_pod(const plan::ChangeCluster& change) {
  const std::map<std::string, std::string> uids = watch_->uids_of(change.what);
  if (uids.empty())
    return Error{ErrorCode::kNotFound, fmt::format("'{}' has no pod", change.what), {}, {}, {}};
  const auto& [name, uid] = *uids.begin();
  watch_->expect_end_of(uid);
  if (hold_.context.plan.cluster->weights == plan::WhoWeighs::kFollow) {
    TRY(hold_.write_weights());
    net::pause_thread(kGatewaysFollow);
  }
  TRY(hold_.calls.remove(
      kubernetes::object_path(kubernetes::collection("v1", hold_.name_space, "pods"), name), uid));
  return Json{{"delete_pod", change.what}, {"name", name}, {"what", describe(change)}}.dump();
}

Result<std::string> ClusterChanges::cordon(const plan::ChangeCluster& change, bool unschedulable) {
  const std::string& node = change.what;
  if (!hold_.ledger.nodes.contains(node)) {
    const auto there = TRY(
        hold_.calls.get(kubernetes::object_path(kubernetes::collection("v1", "", "nodes"), node)));
    if (there) hold_.ledger.nodes[node] = pods::is_true_at(*there, {"spec", "unschedulable"});
    TRY(hold_.keep_ledger());
  }
  TRY(set_unschedulable(hold_.calls, node, unschedulable));
  return Json{{unschedulable ? "cordon" : "uncordon", node}, {"what", describe(change)}}.dump();
}

// The values before are in the ledger since the run began.
Result<std::string> ClusterChanges::weigh(const plan::ChangeCluster& change) {
  const std::vector<ReadyPod> pods = watch_->ready();
  for (const auto& [name, weight] : change.weights) {
    if (!has_target(change, name, pods, hold_.view))
      return Error{ErrorCode::kNotFound,
                   describe(change) + " can't be",
                   {},
                   fmt::format("'{}' is no pod of {}, no node that has one and no other zone", name,
                               change.what),
                   {}};
  }
  weights_.push_back(&change);
  TRY(hold_.write_weights());
  Json told{{"weights", change.what}, {"what", describe(change)}};
  undo_later(change, [this, &change]() -> Result<std::string> {
    std::erase(weights_, &change);
    TRY(hold_.write_weights());
    return Json{{"weights", change.what}, {"what", describe(change)}, {"ended", "its time is over"}}
        .dump();
  });
  return told.dump();
}

void ClusterChanges::adjust(const FunctionInZone& where, gateway::Targets& targets,
                            const std::vector<ReadyPod>& pods) const {
  for (const plan::ChangeCluster* change : weights_)
    set_weights(*change, where, pods, hold_.view, targets);
}

// Those that run, of the run's own, by name.
Result<std::vector<nlohmann::json>> ClusterChanges::pods_of(const std::string& what) {
  std::vector<nlohmann::json> found;
  std::map<std::string, std::map<std::string, std::string>> ours;  // by function
  TRY(hold_.calls.each(kubernetes::collection("v1", hold_.name_space, "pods"), kFunctionLabel,
                       [&](Json&& pod) {
                         const std::string name = kubernetes::name_of(pod);
                         const std::string function =
                             kubernetes::text_at(pod, {"metadata", "labels", kFunctionLabel});
                         if (name != what && function != what) return;
                         const auto [uids, is_new] = ours.try_emplace(function);
                         if (is_new) uids->second = watch_->uids_of(function);
                         const auto own = uids->second.find(name);
                         if (own == uids->second.end() || own->second != kubernetes::uid_of(pod))
                           return;
                         if (pods::is_running(pods::read_pod(pod))) found.push_back(std::move(pod));
                       }));
  if (found.empty())
    return Error{ErrorCode::kNotFound, fmt::format("'{}' has no pod that runs", what), {}, {}, {}};
  return found;
}

Result<std::string> ClusterChanges::resize(const plan::ChangeCluster& change) {
  Limits limits;
  if (!change.cpu.empty()) limits["cpu"] = change.cpu;
  if (!change.memory.empty()) limits["memory"] = change.memory;
  for (const Json& pod : TRY(pods_of(change.what))) {
    const std::string name = kubernetes::name_of(pod);
    Limits before;
    for (const auto& [resource, limit] : limits_of(pod)) {
      if (limits.contains(resource)) before[resource] = limit;
    }
    TRY(ask_resize(name, limits, false, change));
    undo_later(change, [this, name, before, &change]() -> Result<std::string> {
      TRY(ask_resize(name, before, true, change));
      return std::string();
    });
  }
  return std::string();
}

Result<void> ClusterChanges::ask_resize(const std::string& name, const Limits& limits, bool undoes,
                                        const plan::ChangeCluster& change) {
  const std::string pods = kubernetes::collection("v1", hold_.name_space, "pods");
  const auto pod = TRY(hold_.calls.get(kubernetes::object_path(pods, name)));
  if (!pod)
    return Error{ErrorCode::kNotFound, describe(change) + " can't be", name, "it has gone", {}};
  TRY(hold_.calls.patch(kubernetes::object_path(pods, name, "resize"), resize_patch(*pod, limits),
                        "application/strategic-merge-patch+json"));
  resizes_.push_back({name, kubernetes::uid_of(*pod), limits,
                      hold_.context.control.clock().now() + kResizedWithin, undoes, &change});
  set_timer();
  return {};
}

Result<std::string> ClusterChanges::disturb(const plan::ChangeCluster& change) {
  std::vector<NodeFaults::Place> places;
  if (change.kind == Kind::kStress) {
    places.push_back({change.what, {}, {}});
  } else {
    for (const Json& pod : TRY(pods_of(change.what)))
      places.push_back({kubernetes::text_at(pod, {"spec", "nodeName"}), kubernetes::name_of(pod),
                        kubernetes::text_at(pod, {"status", "podIP"})});
  }
  for (const NodeFaults::Place& place : places) hold_.ledger.fault_nodes.insert(place.node);
  TRY(hold_.keep_ledger());
  TRY(faults_->begin(change, places));
  return std::string();
}

void ClusterChanges::undo_later(const plan::ChangeCluster& change,
                                std::function<Result<std::string>()> undo) {
  if (!change.lasts) return;
  later_.push_back({hold_.context.control.clock().now() + *change.lasts, &change, std::move(undo)});
  set_timer();
}

void ClusterChanges::set_timer() {
  const Time now = hold_.context.control.clock().now();
  Time next = resizes_.empty() ? kNever : now + kLookEvery;
  for (const Later& later : later_) next = std::min(next, later.due);
  if (next != kNever) hold_.context.control.timers().set(timer_, next);
}

void ClusterChanges::look(Time now) {
  if (!hold_.may_write()) return;
  std::vector<Later> due;
  std::erase_if(later_, [&](Later& later) {
    if (later.due > now) return false;
    due.push_back(std::move(later));
    return true;
  });
  for (const Later& later : due) {
    const auto undone = later.undo();
    if (!undone.ok())
      fail(undone.error());
    else if (!undone->empty())
      hold_.context.tell("cluster/change", *undone);
  }
  std::vector<Resize> left;
  for (Resize& resize : std::exchange(resizes_, {})) {
    bool is_over = false;
    look_at(resize, now, is_over);
    if (!is_over) left.push_back(std::move(resize));
  }
  resizes_.insert(resizes_.end(), std::make_move_iterator(left.begin()),
                  std::make_move_iterator(left.end()));
  set_timer();
}

// Done is what the pod's node says is done.
void ClusterChanges::look_at(Resize& resize, Time now, bool& is_over) {
  const auto pod = hold_.calls.get(
      kubernetes::object_path(kubernetes::collection("v1", hold_.name_space, "pods"), resize.pod));
  if (!pod.ok()) return;  // asked again
  is_over = true;
  if (!*pod || kubernetes::uid_of(**pod) != resize.uid) return;  // it went, which others tell
  const ResizeState state = resize_state(**pod, resize.limits);
  if (state.is_done) {
    Json told{{"resize", resize.change->what},
              {"what", describe(*resize.change)},
              {"pod", resize.pod},
              {"limits", resize.limits}};
    if (resize.undoes) told["ended"] = "its time is over";
    hold_.context.tell("cluster/change", told.dump());
  } else if (state.is_refused || now >= resize.due) {
    fail({ErrorCode::kUnavailable,
          describe(*resize.change) + " isn't so",
          resize.pod,
          state.why,
          {}});
  } else {
    is_over = false;
  }
}

void ClusterChanges::fail(Error error) {
  if (failure_) return;
  failure_ = std::move(error);
  hold_.context.end_run(*failure_);
}

std::vector<std::string> ClusterChanges::end() {
  rest();
  return faults_ ? faults_->end() : std::vector<std::string>();
}

// What would be undone later is undone with all the rest.
void ClusterChanges::rest() {
  hold_.context.control.timers().cancel(timer_);
  later_.clear();
  resizes_.clear();
}

void ClusterChanges::leave() {
  rest();
  if (faults_) faults_->leave();
}

std::optional<Error> ClusterChanges::failure() const {
  if (failure_) return failure_;
  return faults_ ? faults_->failure() : std::nullopt;
}

}  // namespace galileo::experiment
