// Whether a pod can't be, or is no more, by what Kubernetes says of it: at once where nothing will
// mend it, after some tries or some time where it may mend itself (docs/how-to/kubernetes.md has
// the table). Passive: takes what was seen and the time, on one thread.
#pragma once

#include <optional>
#include <string>

#include "base/time.h"
#include "pods/pod.h"

namespace galileo::experiment {

// In Kubernetes' own words.
struct PodFailure {
  std::string reason;  // "ErrImageNeverPull"
  std::string text;    // 'Container image "x" is not present with pull policy of Never'
};

// One pod's.
class PodFailureWatch {
 public:
  struct Bounds {
    bool is_pinned = false;                             // to its node: no other will do
    Duration unschedulable = std::chrono::seconds{30};  // of one that isn't pinned
    // A scheduler that nobody runs says nothing at all. The one that every cluster has may wait for
    // its predecessor's lease, or, after the API server was away, until its watch is tried again:
    // at most 30 s, drawn up to twice that.
    Duration unplaced = std::chrono::seconds{10};
    Duration unplaced_by_usual = std::chrono::seconds{60};
    int pull_back_offs = 2;
    int restarts = 3;
  };

  PodFailureWatch(const Bounds& bounds, Time first_seen)
      : bounds_(bounds), first_seen_(first_seen) {}

  void on_pod(const pods::Pod& pod, Time now);
  // By what was seen last, now.
  std::optional<PodFailure> failure(Time now) const;

 private:
  Bounds bounds_;
  Time first_seen_;
  std::optional<PodFailure> found_;
  bool is_placed_ = false;
  std::optional<PodFailure> unschedulable_;
  std::string scheduler_;
  Time unschedulable_since_ = kNever;
  int back_offs_ = 0;
  bool backs_off_ = false;
};

}  // namespace galileo::experiment
