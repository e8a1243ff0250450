// Which nodes of a cluster are silent. A node that has lost its power or its network says nothing,
// and Kubernetes calls its pods running and ready for 40 seconds more, or for minutes. But each
// kubelet renews a lease of its node's four times in the time that it lasts (every 10 s), which
// tells sooner.
//
// Judged by what was seen here, never by one machine's clock against another's: a node is silent
// where looks that followed each other have found its lease unchanged for a little more than half
// of the time that it lasts (22 s). While the API server was away, or we were stopped, nobody could
// renew or look: that time doesn't count. A lease that was renewed just now needs no look: there
// are four of them in ten seconds, most of them when the next renewal is due.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/time.h"
#include "kubernetes/api.h"

namespace galileo::experiment {

// Where kubelets keep their nodes' leases.
inline constexpr const char* kNodeLeases = "kube-node-lease";

// What looks have found. Passive: takes answers and the time, on one thread.
class NodeSilence {
 public:
  // A node's lease as the server has it now: its version, and how long it lasts unrenewed. True:
  // from now on the node is silent, or it isn't any more. `apart`: no look follows sooner.
  bool on_lease(const std::string& node, std::string_view version, Duration lasts, Time now,
                Duration apart = std::chrono::seconds{1});
  // When the next look at a node is due; of one that nothing is known of: at once.
  Time next_look(const std::string& node) const;
  // It has none, or isn't looked at any more: nothing is known of it.
  void forget(const std::string& node) { known_.erase(node); }
  bool is_silent(const std::string& node) const;
  // For how long its lease has been unchanged, as far as that was seen.
  Duration unheard(const std::string& node, Time now) const;

 private:
  struct Known {
    std::string version;
    Time heard{};
    Time looked{};
    Time next{};  // look
    bool is_silent = false;
  };
  std::map<std::string, Known> known_;
};

// Looks. Lives on the Api's loop; ends before it.
class NodeWatch {
 public:
  struct Change {
    std::string node;
    bool is_silent = false;  // false: it is heard of again
    Duration unheard{0};
  };
  NodeWatch(kubernetes::Api& api, std::function<void(const Change& change)> on_change)
      : api_(api), on_change_(std::move(on_change)) {}
  ~NodeWatch();
  NodeWatch(const NodeWatch&) = delete;
  NodeWatch& operator=(const NodeWatch&) = delete;

  // Asks for the leases of these nodes that are due: no more than twenty a second in all.
  bool is_due(Time now) const { return now >= next_ && trouble_.empty(); }
  void look(const std::set<std::string>& nodes, Time now);
  bool is_silent(const std::string& node) const { return silence_.is_silent(node); }
  // Why it can't be known, in the server's words; empty: it can.
  const std::string& trouble() const { return trouble_; }

 private:
  void ask(const std::string& node, Time now);
  void on_answer(const std::string& node, const Result<kubernetes::ApiAnswer>& answer);

  kubernetes::Api& api_;
  const std::function<void(const Change& change)> on_change_;
  NodeSilence silence_;
  std::set<std::string> nodes_;                 // of the last look
  std::map<std::string, std::uint64_t> asked_;  // the calls under way, by node
  std::map<std::string, Time> due_;             // the next of each that was looked at
  Duration apart_{0};                           // between the looks at one node, at the least
  Time next_{};
  std::string trouble_;
};

}  // namespace galileo::experiment
