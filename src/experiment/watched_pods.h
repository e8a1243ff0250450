// The pods of a run, as its watch sees them: its own by its label, and those that others make for
// its functions while it lives, which carry no run's label. One that was there before, or that
// another run has made, is none of them. Which take requests, and which can't be or were taken
// away. Plain: takes objects and the time, on one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "experiment/pod_failure.h"
#include "experiment/zone_weights.h"
#include "pods/pod.h"

namespace galileo::experiment {

class WatchedPods {
 public:
  struct Options {
    std::string experiment;                      // id
    std::map<std::string, std::uint16_t> ports;  // of each function
    std::map<std::string, ClusterView::Node> nodes;
    std::set<std::string> older;   // uids of the functions' pods from before the run: another's
    std::set<std::string> pinned;  // functions whose pods must be where they are put
    PodFailureWatch::Bounds bounds;
  };
  // A pod that can't be, or is no more though nobody of us removed it.
  struct Loss {
    std::string pod;  // its name
    PodFailure why;
  };
  // Whether a pod takes requests now, as far as others know.
  using Takes = std::function<bool(const pods::Pod& pod)>;

  explicit WatchedPods(Options options) : options_(std::move(options)) {}

  bool is_of_run(const pods::Pod& pod) const;
  bool has(const std::string& uid) const { return pods_.contains(uid); }
  // One of the run's has come or changed.
  void on_pod(pods::Pod pod, Time now);
  // It is there no longer. Nothing where that was to come: it had failed, we remove it, or it is a
  // controller's, whose pods come and go as that wants.
  std::optional<Loss> on_gone(const std::string& uid);
  // Those that can't be, each once.
  std::vector<Loss> failures(Time now);

  // Sorted.
  std::vector<ReadyPod> ready(const Takes& takes) const;
  // Those that are still waited for: "hello-deployment-node1-0: ContainerCreating".
  std::vector<std::string> waiting(const Takes& takes) const;
  std::set<std::string> nodes() const;
  std::vector<pods::Pod> all() const;
  // Of one function, by name, those that aren't going already.
  std::map<std::string, std::string> uids_of(const std::string& function) const;
  // This one goes since we remove it: it takes no requests any more.
  void expect_end_of(const std::string& uid);

 private:
  struct Watched {
    pods::Pod pod;
    PodFailureWatch failure;
    bool is_told = false;  // that it fails
    bool ends = false;     // we remove it
  };
  ReadyPod ready_pod(const pods::Pod& pod, const std::string& function) const;

  const Options options_;
  std::map<std::string, Watched> pods_;  // by uid
};

}  // namespace galileo::experiment
