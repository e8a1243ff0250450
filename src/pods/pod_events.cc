#include "pods/pod_events.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "base/utf8.h"
#include "pods/fields.h"
#include "pods/pod_text.h"

namespace galileo::pods {
namespace {

using Json = nlohmann::ordered_json;
using State = ContainerStatus::State;

std::uint64_t mark_of(std::string_view text) {
  return std::hash<std::string_view>{}(text) | 1;  // 0 is nothing
}

// What every further event of a pod begins with.
Json head_of(const Pod& pod) {
  return Json{{"podUid", pod.uid},
              {"namespace", pod.name_space},
              {"name", pod.name},
              {"nodeName", pod.node}};
}

Json head_of(const Pod& pod, const ContainerStatus& status) {
  Json head = head_of(pod);
  head["container"] = status.name;
  return head;
}

// Waiting for these is no trouble, or another event's: a crash is told by its end and its restart.
bool is_trouble(const std::string& reason) {
  return !reason.empty() && reason != "ContainerCreating" && reason != "PodInitializing" &&
         reason != "CrashLoopBackOff";
}

bool is_of_image(const std::string& reason) {
  return reason.find("Image") != std::string::npos || reason == "RegistryUnavailable" ||
         reason == "SignatureValidationFailed";
}

std::string identity_of(const ContainerEnd& end) {
  return end.id.empty() ? end.finished_at + end.reason : end.id;
}

}  // namespace

void PodEvents::tell(std::string_view name, std::string text, Wall now) {
  take_(wire::Event{now, std::string(name), std::move(text)});
}

void PodEvents::tell_of(const Pod& pod, std::string_view name, const Json& text, Wall now) {
  wire::Event event{now, std::string(name), go_json(text)};
  if (is_synced_)
    take_(std::move(event));
  else
    troubles_.emplace_back(pod.uid, std::move(event));
}

void PodEvents::on_object(const Pod& pod, Wall now) {
  if (pod.uid.empty()) return;
  const auto [found, is_new] = known_.try_emplace(pod.uid);
  Known& known = found->second;
  known.text = pod_text(pod);
  if (!is_synced_) {
    if (is_new)
      order_.push_back(pod.uid);
    else
      std::erase_if(troubles_, [&](const auto& one) { return one.first == pod.uid; });
    note_past(pod, known);
    tell_placement(pod, known, now);
    tell_containers(pod, known, now);
    return;
  }
  tell_life(pod, known, is_new, now);
  tell_placement(pod, known, now);
  tell_containers(pod, known, now);
  tell_failure(pod, known, now);
}

// What was before we came isn't told as if it happened now; a trouble that lasts is.
void PodEvents::note_past(const Pod& pod, Known& known) const {
  known.is_pending = pod.phase == "Pending";
  known.is_running = pods::is_running(pod);
  known.is_ending = !pod.deleted_at.empty() && !known.is_pending;
  known.is_placed = !pod.node.empty();
  known.unplaced_why = 0;
  const PodCondition* const disrupted = condition(pod, "DisruptionTarget");
  known.is_evicted = pod.reason == "Evicted" || (disrupted && disrupted->status == "True");
  if (!pod.reason.empty()) known.failed_why = mark_of(pod.reason);
  known.containers.clear();
  for (const auto* statuses : {&pod.init_statuses, &pod.statuses}) {
    for (const ContainerStatus& status : *statuses) {
      KnownContainer& container = known.containers.emplace_back();
      container.name = status.name;
      container.restarts = status.restarts;
      for (const auto* end : {&status.last, &status.end})
        if (*end) container.ends.take(mark_of(identity_of(**end)));
    }
  }
}

void PodEvents::on_synced(Wall now) {
  if (is_synced_) return;
  is_synced_ = true;
  for (const bool running : {true, false}) {
    for (const std::string& uid : order_) {
      const auto found = known_.find(uid);
      if (found == known_.end() || (running && !found->second.is_running)) continue;
      tell(running ? "pod/running" : "pod/create", found->second.text, now);
    }
  }
  for (const std::string& uid : order_) {
    const auto found = known_.find(uid);
    if (found != known_.end() && found->second.is_ending)
      tell("pod/shutdown", found->second.text, now);
  }
  for (auto& [uid, trouble] : troubles_) {
    trouble.at = now;
    take_(std::move(trouble));
  }
  std::vector<std::string>().swap(order_);
  std::vector<std::pair<std::string, wire::Event>>().swap(troubles_);
}

void PodEvents::on_gone(const std::string& uid, const Pod* last, Wall now) {
  const auto found = known_.find(uid);
  if (found == known_.end()) return;
  if (is_synced_) {
    // What came with its end is told before it.
    if (last && last->uid == uid) {
      found->second.text = pod_text(*last);
      tell_containers(*last, found->second, now);
      tell_failure(*last, found->second, now);
    }
    tell("pod/delete", std::move(found->second.text), now);
  } else {
    std::erase(order_, uid);
    std::erase_if(troubles_, [&](const auto& one) { return one.first == uid; });
  }
  known_.erase(found);
}

void PodEvents::tell_life(const Pod& pod, Known& known, bool is_new, Wall now) {
  const bool is_pending = pod.phase == "Pending";
  if (is_new) tell("pod/create", known.text, now);
  if (!known.is_running && pods::is_running(pod)) {
    known.is_running = true;
    tell("pod/running", known.text, now);
  } else if (!is_new && known.is_pending && is_pending) {
    tell("pod/pending", known.text, now);
  }
  // A pending one that is to go is told as pending, and soon as gone.
  if (!pod.deleted_at.empty() && !known.is_ending && !is_pending) {
    known.is_ending = true;
    tell("pod/shutdown", known.text, now);
  }
  known.is_pending = is_pending;
}

// The scheduler's decisions, read in the pod: Kubernetes' own events of them may be dropped.
void PodEvents::tell_placement(const Pod& pod, Known& known, Wall now) {
  const PodCondition* const placed = condition(pod, "PodScheduled");
  if (!pod.node.empty()) {
    if (std::exchange(known.is_placed, true)) return;
    Json text = head_of(pod);
    text["scheduler"] = pod.scheduler;
    text["created"] = pod.created_at;
    text["placed"] = placed ? placed->changed_at : "";
    tell_of(pod, "scheduler/placed", text, now);
  } else if (placed && placed->status == "False") {
    const std::uint64_t why = mark_of(placed->reason + placed->message);
    if (std::exchange(known.unplaced_why, why) == why) return;
    Json text = head_of(pod);
    text["scheduler"] = pod.scheduler;
    text["created"] = pod.created_at;
    text["reason"] = placed->reason;
    text["message"] = shortened(placed->message, kMessageMax);
    tell_of(pod, "scheduler/unplaced", text, now);
  }
}

void PodEvents::tell_failure(const Pod& pod, Known& known, Wall now) {
  const PodCondition* const disrupted = condition(pod, "DisruptionTarget");
  const bool is_disrupted = disrupted && disrupted->status == "True";
  if ((is_disrupted || pod.reason == "Evicted") && !std::exchange(known.is_evicted, true)) {
    Json text = head_of(pod);
    text["reason"] = is_disrupted ? disrupted->reason : pod.reason;
    text["message"] = shortened(is_disrupted ? disrupted->message : pod.message, kMessageMax);
    tell_of(pod, "eviction", text, now);
  }
  if (pod.reason.empty() || pod.reason == "Evicted") return;
  const std::uint64_t why = mark_of(pod.reason);
  if (std::exchange(known.failed_why, why) == why) return;
  Json text = head_of(pod);
  text["status"] = pod.phase;
  text["reason"] = pod.reason;
  text["message"] = shortened(pod.message, kMessageMax);
  tell_of(pod, "failure", text, now);
}

void PodEvents::tell_containers(const Pod& pod, Known& known, Wall now) {
  for (const auto* statuses : {&pod.init_statuses, &pod.statuses}) {
    for (const ContainerStatus& status : *statuses) {
      auto found = std::find_if(known.containers.begin(), known.containers.end(),
                                [&](const KnownContainer& one) { return one.name == status.name; });
      if (found == known.containers.end()) {
        found = known.containers.emplace(known.containers.end());
        found->name = status.name;
      }
      tell_container(pod, status, *found, now);
    }
  }
}

void PodEvents::tell_container(const Pod& pod, const ContainerStatus& status, KnownContainer& known,
                               Wall now) {
  for (const auto* end : {&status.last, &status.end}) {
    if (!*end || !known.ends.take(mark_of(identity_of(**end)))) continue;
    Json text = head_of(pod, status);
    text["id"] = (*end)->id;
    text["reason"] = (*end)->reason;
    text["exitCode"] = (*end)->exit_code;
    text["signal"] = (*end)->signal;
    text["message"] = shortened((*end)->message, kMessageMax);
    text["started"] = (*end)->started_at;
    text["finished"] = (*end)->finished_at;
    tell_of(pod, (*end)->reason == "OOMKilled" ? "container/oom" : "container/exit", text, now);
  }
  if (status.restarts > known.restarts) {
    Json text = head_of(pod, status);
    text["id"] = status.id;  // the new one's, once it is there
    text["previousId"] = status.last ? status.last->id : "";
    text["restarts"] = status.restarts;
    tell_of(pod, "container/restart", text, now);
  }
  known.restarts = status.restarts;
  if (status.state != State::kWaiting) {
    known.troubles = LastTwo();
  } else if (is_trouble(status.reason) && known.troubles.take(mark_of(status.reason))) {
    Json text = head_of(pod, status);
    text["image"] = status.image;
    text["reason"] = status.reason;
    text["message"] = shortened(status.message, kMessageMax);
    tell_of(pod, is_of_image(status.reason) ? "container/image" : "container/error", text, now);
  }
}

}  // namespace galileo::pods
