// What a run changes outside of itself and that carries no label of its own, as one ConfigMap of
// its cluster says it: written before each act, with the value before, so that whoever comes after
// a run that was killed can take it back. Its objects belong to the ConfigMap, so that Kubernetes
// itself removes them with it. Plain values and their JSON.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace galileo::experiment {

// So long who has renewed a lease may act on it: well before its end, after which others do.
inline constexpr Duration kLeaseHeldFor = std::chrono::seconds{80};

struct RunLedger {
  // An object of the user's manifests, which wasn't there before: it is the run's where it has the
  // run's label.
  struct Given {
    std::string group_version;
    std::string plural;
    std::string name_space;  // empty: it is the whole cluster's
    std::string name;
    int turn = 0;  // of making; they go in the reverse order

    bool operator==(const Given&) const = default;
  };

  std::string experiment;                                     // id
  std::vector<std::string> functions;                         // the applications' names
  std::vector<std::string> etcd;                              // endpoints of the weights
  std::map<std::string, std::optional<std::string>> weights;  // key -> value before; none: no key
  // Services of the routing table -> the route before, as JSON {"hosts": [...], "weights": [...]}.
  std::map<std::string, std::optional<std::string>> routes;
  // Nodes that are cordoned or uncordoned -> whether they were unschedulable before.
  std::map<std::string, bool> nodes;
  // Nodes whose fault agents were asked for something.
  std::set<std::string> fault_nodes;
  // Pods of these functions that were there before, by their uids: they are another's.
  std::vector<std::string> pods_before;
  // Clients of these services that were there before, by their ids: they are another's.
  std::vector<std::string> clients_before;
  std::vector<Given> given;

  bool operator==(const RunLedger&) const = default;
};

// What of it may be taken back while another run is on these functions: their weights, routes,
// clients and pods are that one's by now.
RunLedger without_functions(RunLedger ledger, const std::set<std::string>& functions);

// Whether a pod without a run's label is the run's all the same: of one of its functions, made
// since its ledger was (`since`, by the server's clock), as a controller beside it makes them.
bool appeared_beside(const RunLedger& ledger, const nlohmann::json& pod, std::string_view since);

// "galileo-<id>": of the ConfigMap, and of the Lease beside it.
std::string claim_name(const std::string& id);

// The ConfigMap's `data`.
nlohmann::json ledger_data(const RunLedger& ledger);
// Of a ConfigMap. Errors (kCorrupt): no ledger.
Result<RunLedger> read_ledger(const nlohmann::json& config_map);

// The objects themselves; `holder` says who renews the lease.
nlohmann::json ledger_object(const RunLedger& ledger);
nlohmann::json lease_object(const RunLedger& ledger, const std::string& holder);
// What makes an object the ConfigMap's, so that it goes when that goes.
nlohmann::json owner_reference(const nlohmann::json& config_map);

// A run's lease, as the API has it.
struct ClaimState {
  std::string experiment;
  std::string holder;
  std::string name_space;
  std::string version;  // resourceVersion
  std::string created;  // when, by the server's clock: RFC 3339
  std::vector<std::string> functions;
  std::optional<Duration> age;  // since it was renewed, by the server's own clock; none: unknown
  Duration lasts{0};            // so long without being renewed
  bool is_over = false;         // for longer than it lasts
  bool is_kept = false;  // its run has failed, and what it made is to be looked at until then
};

// How much longer it lasts; none: that isn't known.
std::optional<Duration> left_of(const ClaimState& claim);
// "kept for 28m00s more", of one that is kept.
std::string kept_text(const ClaimState& claim);
// What makes a run's lease, as a patch, one that lasts so long and isn't renewed any more.
nlohmann::json kept_lease(Duration lasts, Wall now);

// Of two runs that claimed the same at once: the elder one goes on.
bool is_elder(const ClaimState& one, const ClaimState& other);

// `date` is the server's clock when it answered.
Result<ClaimState> read_claim(const nlohmann::json& lease, std::optional<Wall> date);

}  // namespace galileo::experiment
