// What traces, telemetry, events and what is known of nodes say together: which pod and node a
// request was served by and how long each hop took, what a pod used, how many replicas there were
// and with which weights, and what happened when. Fed while a run goes on, or from a database
// afterwards, events first where that can be. Memory is bounded whatever the length of the run.
// Lives on one thread; hot: one add() a trace that says where it went.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analysis/pod_lives.h"
#include "base/histogram.h"
#include "wire/hops.h"
#include "wire/sample.h"
#include "wire/trace.h"

namespace galileo::analysis {

// Times between two moments of two machines. One that is negative can't be: the clocks differ, and
// how long it took isn't known.
struct LegTimes {
  Histogram values{Histogram::Grain::kCoarse};
  std::uint64_t negative = 0;
  void add(Duration took);
  void merge(const LegTimes& other);
};

class JoinedView {
 public:
  static constexpr std::size_t kSharesMax = 2000;  // of a service's requests by host
  static constexpr std::size_t kPathsMax = 100;    // of gateways, by service
  static constexpr std::size_t kUsesMax = 5000;    // containers
  static constexpr std::size_t kMarksMax = 1000;
  static constexpr std::size_t kWeightsMax = 200'000;
  static constexpr std::size_t kTargetsMax = 500;  // of a function in a zone

  // What a trace tells of where it went.
  struct Request {
    std::string_view service;
    std::string_view server;   // that the client asked
    std::string_view headers;  // JSON
    Wall created = kNoWall;
    Wall sent = kNoWall;
    Wall done = kNoWall;
    wire::FailureGroup became = wire::FailureGroup::none;
    bool is_warmup = false;
  };

  // Requests of one service that ended at one host.
  struct Share {
    std::string service;
    std::string host;                   // "host:port"
    std::size_t pod = PodLives::kNone;  // who had it then, as far as was told then
    Wall last = kNoWall;                // the last one was sent
    std::uint64_t answered = 0;         // without the warm-up, as the next
    std::uint64_t failed = 0;
    std::uint64_t served = 0;                      // of both, with the warm-up
    Histogram latency{Histogram::Grain::kCoarse};  // of those answered, from due to over
    LegTimes execution;                            // of those answered, where the application says
  };

  // Requests of one service that took one path through the gateways.
  struct Path {
    std::string service;
    std::vector<std::string> gateways;
    bool has_times = false;  // the application says when it began and ended
    std::uint64_t requests = 0;
    // From the client to the first gateway, from each to the next, from the last to the application
    // and back; where it has times: to the application, in it, and back.
    std::vector<LegTimes> legs;
    LegTimes
        way;  // all but the application's time: of two clocks each, so right whatever they show
  };

  // A counter that only grows, as it was read.
  struct Growth {
    double least = 0;
    double most = 0;
    std::uint64_t count = 0;

    void add(double value);
    // Of one value nobody knows by how much it has grown.
    bool is_known() const { return count >= 2; }
    double grown() const { return most - least; }
  };

  // What a container used, by its counters.
  struct Use {
    Growth cpu_ns;
    Growth limit_periods;  // of its CPU limit, where it has one; and those that it was held back in
    Growth limit_throttled;
    double memory_max = 0;  // bytes
    std::uint64_t memory_count = 0;
  };

  // Weights of a function in a zone, from each of these moments on.
  struct Weights {
    std::vector<std::string> targets;  // in the order in which they were seen
    struct Update {
      Wall at = kNoWall;
      std::vector<std::pair<std::uint32_t, double>> weights;  // target's place; others have none
    };
    std::vector<Update> updates;
  };

  struct Mark {
    Wall at = kNoWall;
    std::string name;
    std::string text;  // what it is about, in a few words
  };

  void add(const wire::Event& event);
  void add(const wire::NodeInfo& info) { pods_.add(info); }
  void add(const wire::Sample& sample);
  // False: a trace with such headers says nothing.
  bool wants(std::string_view headers) const { return !headers.empty() || !pods_.empty(); }
  void add(const Request& request);
  // As a database has it.
  void add(const wire::NamedTrace& trace);

  const PodLives& pods() const { return pods_; }
  const std::vector<Share>& shares() const { return shares_; }
  const std::vector<Path>& paths() const { return paths_; }
  // By container id; null: nothing is known of it.
  const Use* use_of(const std::string& container_id) const;
  // By function and zone.
  const std::map<std::pair<std::string, std::string>, Weights>& weights() const { return weights_; }
  const std::vector<Mark>& marks() const { return marks_; }
  std::uint64_t marks_left_out() const { return marks_left_out_; }
  // Requests whose path through gateways was one too many.
  std::uint64_t hops_left_out() const { return hops_left_out_; }
  // Changes of weights, or targets of one, that there was no room for.
  std::uint64_t weights_left_out() const { return weights_left_out_; }

 private:
  void add_weights(const wire::Event& event);
  void add_mark(const wire::Event& event);
  bool is_of_others(const wire::Event& event) const;
  Share* share_of(const Request& request, std::string_view host);
  Path* path_of(std::string_view service, const wire::Hops& hops, bool has_times);
  void add_hops(const Request& request, const wire::Hops& hops);

  PodLives pods_;
  std::vector<Share> shares_;
  std::unordered_map<std::string, std::size_t> share_places_;
  std::vector<Path> paths_;
  std::unordered_map<std::string, std::size_t> path_places_;
  std::uint64_t hops_left_out_ = 0;
  std::unordered_map<std::string, Use> uses_;
  std::map<std::pair<std::string, std::string>, Weights> weights_;
  std::size_t weights_kept_ = 0;
  std::uint64_t weights_left_out_ = 0;
  std::vector<Mark> marks_;
  std::uint64_t marks_left_out_ = 0;
  std::string key_;  // kept, so that a trace allocates nothing
};

}  // namespace galileo::analysis
