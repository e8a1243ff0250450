#include "experiment/watched_pods.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace galileo::experiment {
namespace {

std::string label_of(const pods::Pod& pod, const char* key) {
  const auto found = pod.labels.find(key);
  return found == pod.labels.end() ? std::string() : found->second;
}

std::string state_of(const pods::Pod& pod) {
  for (const auto* statuses : {&pod.init_statuses, &pod.statuses}) {
    for (const pods::ContainerStatus& container : *statuses) {
      if (!container.reason.empty()) return container.reason;
    }
  }
  if (pod.node.empty()) return "not placed yet";
  return pod.phase == "Running" ? "not ready" : pod.phase;
}

}  // namespace

bool WatchedPods::is_of_run(const pods::Pod& pod) const {
  if (options_.older.contains(pod.uid)) return false;
  // One that another run has made is that one's, whatever its function.
  const auto run = pod.labels.find(kExperimentLabel);
  return run == pod.labels.end() || run->second == options_.experiment;
}

void WatchedPods::on_pod(pods::Pod pod, Time now) {
  auto found = pods_.find(pod.uid);
  if (found == pods_.end()) {
    PodFailureWatch::Bounds bounds = options_.bounds;
    bounds.is_pinned = options_.pinned.contains(label_of(pod, kFunctionLabel));
    found = pods_.emplace(pod.uid, Watched{{}, PodFailureWatch(bounds, now)}).first;
  }
  found->second.pod = std::move(pod);
  found->second.failure.on_pod(found->second.pod, now);
}

std::optional<WatchedPods::Loss> WatchedPods::on_gone(const std::string& uid) {
  const auto found = pods_.find(uid);
  if (found == pods_.end()) return std::nullopt;
  const Watched gone = std::move(found->second);
  pods_.erase(found);
  // Also of a controller that labels nothing as ours.
  const bool is_controllers =
      !gone.pod.owner_kind.empty() || !gone.pod.labels.contains(kExperimentLabel);
  if (gone.is_told || gone.ends || is_controllers) return std::nullopt;
  return Loss{gone.pod.name, {"Deleted", "somebody has deleted it"}};
}

std::vector<WatchedPods::Loss> WatchedPods::failures(Time now) {
  std::vector<Loss> losses;
  for (auto& [uid, watched] : pods_) {
    const auto failure = watched.is_told ? std::nullopt : watched.failure.failure(now);
    if (!failure) continue;
    watched.is_told = true;
    losses.push_back({watched.pod.name, *failure});
  }
  return losses;
}

std::vector<ReadyPod> WatchedPods::ready(const Takes& takes) const {
  std::vector<ReadyPod> ready;
  for (const auto& [uid, watched] : pods_) {
    const std::string function = label_of(watched.pod, kFunctionLabel);
    if (watched.ends || function.empty() || !takes(watched.pod)) continue;
    ready.push_back(ready_pod(watched.pod, function));
  }
  std::sort(ready.begin(), ready.end());
  return ready;
}

ReadyPod WatchedPods::ready_pod(const pods::Pod& pod, const std::string& function) const {
  const auto port = options_.ports.find(function);
  const auto node = options_.nodes.find(pod.node);
  ReadyPod one;
  one.function = function;
  one.zone = label_of(pod, kZoneLabel);
  if (!pod.labels.contains(kZoneLabel) && node != options_.nodes.end())
    one.zone = node->second.zone;
  one.host =
      fmt::format("{}:{}", pod.ip, port == options_.ports.end() ? kGatewayPort : port->second);
  one.name = pod.name;
  one.node = pod.node;
  return one;
}

std::vector<std::string> WatchedPods::waiting(const Takes& takes) const {
  std::vector<std::string> waiting;
  for (const auto& [uid, watched] : pods_) {
    if (!takes(watched.pod))
      waiting.push_back(fmt::format("{}: {}", watched.pod.name, state_of(watched.pod)));
  }
  return waiting;
}

std::set<std::string> WatchedPods::nodes() const {
  std::set<std::string> nodes;
  for (const auto& [uid, watched] : pods_) {
    if (!watched.pod.node.empty()) nodes.insert(watched.pod.node);
  }
  return nodes;
}

std::vector<pods::Pod> WatchedPods::all() const {
  std::vector<pods::Pod> all;
  for (const auto& [uid, watched] : pods_) all.push_back(watched.pod);
  return all;
}

std::map<std::string, std::string> WatchedPods::uids_of(const std::string& function) const {
  std::map<std::string, std::string> uids;
  for (const auto& [uid, watched] : pods_) {
    const bool is_of = label_of(watched.pod, kFunctionLabel) == function;
    if (is_of && !watched.ends && watched.pod.deleted_at.empty()) uids[watched.pod.name] = uid;
  }
  return uids;
}

void WatchedPods::expect_end_of(const std::string& uid) {
  const auto found = pods_.find(uid);
  if (found != pods_.end()) found->second.ends = true;
}

}  // namespace galileo::experiment
