// What Kubernetes knows of a run's pods, kept as it comes: a pod takes its status with it when it
// goes, and events are dropped after an hour, or sooner. For whoever looks later why a run failed.
// Passive: told of objects, on one thread; bounded.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

#include "pods/cluster_events.h"

namespace galileo::experiment {

class PodEvidence {
 public:
  static constexpr std::size_t kPodsMax = 500;      // further ones' statuses aren't kept
  static constexpr std::size_t kStatusMax = 65536;  // bytes of one; of a longer one none is
  static constexpr std::size_t kMessagesMax = 2000;

  // `applications`: what the run's objects are called after; `given`: those of its manifests.
  explicit PodEvidence(std::vector<std::string> applications, std::vector<std::string> given = {})
      : applications_(std::move(applications)), given_(std::move(given)) {}

  // Of the run, as it is now; its last state. `name`: where it is told under another than its own.
  void on_pod(const nlohmann::json& pod, std::string name = {});
  // Any of the namespace. Those from before on_synced() tell of others, or of an earlier run.
  void on_event(const nlohmann::json& event);
  void on_synced() { is_synced_ = true; }
  void on_trouble(const std::string& why) { trouble_ = why; }

  // {"<pod>": {"uid", "node", "deleted", "status"}}, as JSON over several lines; empty: no pod.
  std::string statuses() const;
  // A line for each event about the run's pods, Deployments and autoscalers, in their order; empty:
  // there was none.
  std::string messages() const;

 private:
  struct Message {
    pods::ClusterMessage said;
    std::uint64_t number = 0;  // in which order they came
  };
  bool is_ours(const pods::ClusterMessage& said) const;

  std::vector<std::string> applications_;
  std::vector<std::string> given_;
  std::map<std::string, std::string> statuses_;  // by pod: JSON
  std::set<std::string> uids_;
  std::map<std::string, Message> messages_;  // by the event's uid: it counts up
  std::uint64_t came_ = 0;
  std::uint64_t left_out_ = 0;
  bool is_synced_ = false;
  std::string trouble_;  // why events aren't heard of
};

}  // namespace galileo::experiment
