// The pod adapter: watches a cluster's pods, nodes, autoscalers and warnings, and tells the bus
// what becomes of them (docs/how-to/kubernetes.md, "The pod adapter"). Nodes come first, so that
// what is kept of them stands there when the first event is heard.
//
// A watch that is cut goes on where it was; one whose history is lost is begun anew and compared
// with what was told. What can't be known, or was told late, is an event itself (adapter/...).
// Without the right to see autoscalers or warnings the rest goes on. Lives on one loop; api and bus
// outlive it.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kubernetes/api.h"
#include "kubernetes/watch.h"
#include "net/loop.h"
#include "pods/cluster_events.h"
#include "pods/event_publisher.h"
#include "pods/pod_events.h"

namespace galileo::pods {

class Adapter {
 public:
  // Begins at once, whether the server and the bus are there or not. Pods are listed when the nodes
  // are known, or two seconds later.
  Adapter(net::Loop& loop, kubernetes::Api& api, bus::Bus& bus, EventPublisherOptions options);
  // What was heard so far goes out, as far as the bus takes it at once.
  ~Adapter();

  // On the loop. Why it doesn't see what it must; empty: it does.
  std::string trouble() const;
  // Prometheus' text, for /metrics.
  std::string metrics() const;

 private:
  // One collection that is watched.
  struct Source {
    const char* what = "";
    bool is_needed = false;
    bool is_synced = false;
    std::string trouble;  // why it isn't seen now; empty: it is
    Wall since = kNoWall;
    Time due = kNever;  // when the trouble is told
    std::uint64_t gaps = 0;
    std::uint64_t skipped = 0;
    std::unique_ptr<kubernetes::Watch> watch;
  };
  enum Which : std::uint8_t { kPods, kNodes, kScalers, kWarnings, kSources };

  using OnObject = std::function<void(const nlohmann::json& object, Wall now)>;
  using OnGone = std::function<void(const std::string& uid, const nlohmann::json* last, Wall now)>;
  void watch(Which which, std::string path, std::string fields, OnObject on_object, OnGone on_gone,
             std::function<void(Wall now)> on_synced);
  void watch_pods();
  void on_pod(const Pod& pod, Wall now);
  void on_trouble(Source& source, const std::string& why);
  void on_gap(const Source& source, const std::string& why);
  void tell_skipped(Source& source);
  void tell_trouble(Time now);
  void put(wire::Event&& event);
  void hand_over();

  net::Loop& loop_;
  kubernetes::Api& api_;
  EventPublisher publisher_;
  PodEvents pods_;
  NodeEvents nodes_;
  ScalerEvents scalers_;
  ClusterMessages warnings_;
  std::array<Source, kSources> sources_;
  std::vector<std::string> lines_;  // of this turn of the loop
  std::uint64_t events_ = 0;
  net::Timer hand_over_timer_;
  net::Timer trouble_timer_;
  net::Timer pods_timer_;  // they don't wait for ever for the nodes
};

}  // namespace galileo::pods
