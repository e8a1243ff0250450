#include "experiment/pod_failure.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/text.h"

namespace galileo::experiment {
namespace {

// Why a container waits, where waiting won't help.
constexpr std::array<std::string_view, 6> kHopeless{
    "InvalidImageName",     "ErrImageNeverPull", "CreateContainerConfigError",
    "CreateContainerError", "RunContainerError", "ImageInspectError"};

constexpr const char* kBacksOff = "ImagePullBackOff";

bool is_hopeless(const std::string& reason) {
  return std::find(kHopeless.begin(), kHopeless.end(), reason) != kHopeless.end();
}

std::optional<PodFailure> hopeless_container(const pods::ContainerStatus& container, int restarts) {
  if (is_hopeless(container.reason)) return PodFailure{container.reason, container.message};
  for (const auto& end : {container.end, container.last}) {
    if (end && end->reason == "OOMKilled")
      return PodFailure{
          end->reason, fmt::format("container {} took more memory than its limit", container.name)};
  }
  if (container.restarts < restarts) return std::nullopt;
  const auto& last = container.last ? container.last : container.end;
  return PodFailure{
      container.reason.empty() ? "CrashLoopBackOff" : container.reason,
      fmt::format("container {} was restarted {} times{}", container.name, container.restarts,
                  last ? fmt::format(", the last one ended with exit code {}", last->exit_code)
                       : std::string())};
}

}  // namespace

void PodFailureWatch::on_pod(const pods::Pod& pod, Time now) {
  is_placed_ = is_placed_ || !pod.node.empty();
  scheduler_ = pod.scheduler;
  if (pod.phase == "Failed" && !found_)
    found_ = PodFailure{pod.reason.empty() ? pod.phase : pod.reason, pod.message};
  bool backs_off = false;
  for (const auto* statuses : {&pod.init_statuses, &pod.statuses}) {
    for (const pods::ContainerStatus& container : *statuses) {
      if (!found_) found_ = hopeless_container(container, bounds_.restarts);
      if (container.reason != kBacksOff) continue;
      backs_off = true;
      if (backs_off_) continue;
      ++back_offs_;
      if (back_offs_ >= bounds_.pull_back_offs && !found_)
        found_ = PodFailure{container.reason, container.message};
    }
  }
  backs_off_ = backs_off;
  const pods::PodCondition* const placed = condition(pod, "PodScheduled");
  const bool is_refused = placed && placed->status == "False" && !is_placed_;
  if (!is_refused) {
    unschedulable_.reset();
    unschedulable_since_ = kNever;
    return;
  }
  unschedulable_ = PodFailure{placed->reason, placed->message};
  unschedulable_since_ = std::min(unschedulable_since_, now);
}

std::optional<PodFailure> PodFailureWatch::failure(Time now) const {
  if (found_) return found_;
  if (is_placed_) return std::nullopt;
  if (unschedulable_) {
    const Duration bound = bounds_.is_pinned ? Duration{0} : bounds_.unschedulable;
    return now - unschedulable_since_ >= bound ? unschedulable_ : std::nullopt;
  }
  const Duration unplaced =
      scheduler_ == "default-scheduler" ? bounds_.unplaced_by_usual : bounds_.unplaced;
  if (now - first_seen_ < unplaced) return std::nullopt;
  return PodFailure{"NotScheduled",
                    fmt::format("no scheduler has said anything of it within {}: is one called "
                                "'{}' running?",
                                format_duration(unplaced), scheduler_)};
}

}  // namespace galileo::experiment
