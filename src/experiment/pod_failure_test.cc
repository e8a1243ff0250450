#include "experiment/pod_failure.h"

#include <doctest/doctest.h>

namespace galileo::experiment {
namespace {

constexpr Time kStart{std::chrono::hours{1}};

pods::Pod placed() {
  pods::Pod pod;
  pod.node = "node1";
  pod.phase = "Pending";
  pod.scheduler = "default-scheduler";
  pod.statuses.emplace_back();
  pod.statuses.back().name = "main";
  return pod;
}

pods::Pod waiting(const std::string& reason) {
  pods::Pod pod = placed();
  pod.statuses.back().reason = reason;
  pod.statuses.back().message = "because of " + reason;
  return pod;
}

pods::Pod unschedulable() {
  pods::Pod pod;
  pod.phase = "Pending";
  pod.conditions.push_back({"PodScheduled", "False", "Unschedulable", "0/2 nodes", {}});
  return pod;
}

std::string reason_of(const std::optional<PodFailure>& failure) {
  return failure ? failure->reason : "none";
}

}  // namespace

TEST_CASE("what won't mend itself is a failure at once") {
  for (const char* reason : {"InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError",
                             "RunContainerError"}) {
    PodFailureWatch watch({}, kStart);
    watch.on_pod(waiting(reason), kStart);
    CHECK(reason_of(watch.failure(kStart)) == reason);
    CHECK(watch.failure(kStart)->text == std::string("because of ") + reason);
  }
  PodFailureWatch watch({}, kStart);
  watch.on_pod(waiting("ContainerCreating"), kStart);
  CHECK(reason_of(watch.failure(kStart + std::chrono::hours{1})) == "none");
}

TEST_CASE("a pod that failed as a whole says why") {
  PodFailureWatch watch({}, kStart);
  pods::Pod pod = placed();
  pod.phase = "Failed";
  pod.reason = "OutOfcpu";
  pod.message = "Pod was rejected";
  watch.on_pod(pod, kStart);
  CHECK(reason_of(watch.failure(kStart)) == "OutOfcpu");
}

TEST_CASE("an image that can't be pulled is a failure at the second back-off") {
  PodFailureWatch watch({}, kStart);
  watch.on_pod(waiting("ErrImagePull"), kStart);
  watch.on_pod(waiting("ImagePullBackOff"), kStart);
  watch.on_pod(waiting("ImagePullBackOff"), kStart);  // told again
  CHECK(reason_of(watch.failure(kStart)) == "none");
  watch.on_pod(waiting("ErrImagePull"), kStart);
  watch.on_pod(waiting("ImagePullBackOff"), kStart);
  CHECK(reason_of(watch.failure(kStart)) == "ImagePullBackOff");
}

TEST_CASE("a container that crashes may try three times, one out of memory may not") {
  PodFailureWatch watch({}, kStart);
  pods::Pod pod = waiting("CrashLoopBackOff");
  pod.statuses.back().last.emplace();
  pod.statuses.back().last->reason = "Error";
  pod.statuses.back().last->exit_code = 3;
  for (const int restarts : {0, 1, 2}) {
    pod.statuses.back().restarts = restarts;
    watch.on_pod(pod, kStart);
    CHECK(reason_of(watch.failure(kStart)) == "none");
  }
  pod.statuses.back().restarts = 3;
  watch.on_pod(pod, kStart);
  CHECK(reason_of(watch.failure(kStart)) == "CrashLoopBackOff");
  CHECK(watch.failure(kStart)->text ==
        "container main was restarted 3 times, the last one ended with exit code 3");

  PodFailureWatch other({}, kStart);
  pod.statuses.back().restarts = 1;
  pod.statuses.back().last->reason = "OOMKilled";
  other.on_pod(pod, kStart);
  CHECK(reason_of(other.failure(kStart)) == "OOMKilled");
}

TEST_CASE("one that no node takes fails at once where it is pinned, else after its time") {
  PodFailureWatch::Bounds pinned;
  pinned.is_pinned = true;
  PodFailureWatch watch(pinned, kStart);
  watch.on_pod(unschedulable(), kStart);
  CHECK(reason_of(watch.failure(kStart)) == "Unschedulable");

  PodFailureWatch free({}, kStart);
  free.on_pod(unschedulable(), kStart);
  CHECK(reason_of(free.failure(kStart + std::chrono::seconds{29})) == "none");
  CHECK(reason_of(free.failure(kStart + std::chrono::seconds{30})) == "Unschedulable");
  // Told again later, it is as old as it was.
  free.on_pod(unschedulable(), kStart + std::chrono::seconds{29});
  CHECK(reason_of(free.failure(kStart + std::chrono::seconds{30})) == "Unschedulable");
  free.on_pod(placed(), kStart + std::chrono::seconds{31});
  CHECK(reason_of(free.failure(kStart + std::chrono::hours{1})) == "none");
}

TEST_CASE("a scheduler that doesn't exist says nothing, and that is told") {
  PodFailureWatch watch({}, kStart);
  pods::Pod pod;
  pod.scheduler = "mine";
  watch.on_pod(pod, kStart);
  CHECK(reason_of(watch.failure(kStart + std::chrono::seconds{9})) == "none");
  const auto failure = watch.failure(kStart + std::chrono::seconds{10});
  REQUIRE(failure);
  CHECK(failure->text.find("'mine'") != std::string::npos);
}

TEST_CASE("the scheduler that every cluster has is given time to begin anew") {
  PodFailureWatch watch({}, kStart);
  pods::Pod pod;
  pod.scheduler = "default-scheduler";
  watch.on_pod(pod, kStart);
  CHECK(reason_of(watch.failure(kStart + std::chrono::seconds{59})) == "none");
  CHECK(reason_of(watch.failure(kStart + std::chrono::seconds{60})) == "NotScheduled");
}

}  // namespace galileo::experiment
