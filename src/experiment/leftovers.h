// What runs have left in a cluster, and taking it back: by whoever comes next, from a run's ledger
// and its label, once its lease is over by the server's own clock. Blocking; on the caller's
// thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "bus/bus.h"
#include "experiment/cluster_calls.h"
#include "experiment/run_ledger.h"
#include "gateway/etcd.h"

namespace galileo::experiment {

// Where what a run has changed outside of the cluster is.
struct Outside {
  gateway::EtcdOptions etcd;  // its endpoints are those of the ledger
  bus::Bus* bus = nullptr;    // null: routes and clients can't be taken back, and that is told
};

// All leases of runs in the namespace; the time of each by the server's clock.
Result<std::vector<ClaimState>> claims(ClusterCalls& calls, const std::string& name_space);

// Route and weights back to what they were, in this order; then nodes, and clients are closed. What
// couldn't be is told, and doesn't keep the rest. `may_write` is asked before each act: a process
// that was stopped amid them finds others at what was its own.
std::vector<Error> take_back(ClusterCalls& calls, const RunLedger& ledger, const Outside& outside,
                             const std::function<bool()>& may_write);

// Says whether pods may be put onto the node; whether they might not before.
Result<bool> set_unschedulable(ClusterCalls& calls, const std::string& node, bool unschedulable);

// Removes all objects of the experiment in the namespace, adopted pods too, and those of its
// manifests, wherever they are, and waits until they are gone. Errors: not reached, no right, still
// there after a time.
Result<void> remove_objects(ClusterCalls& calls, const std::string& name_space,
                            const RunLedger& ledger, const OnLeft& on_left = {});
// Then its ledger, which says what is left to do until then, and its lease.
Result<void> remove_claim(ClusterCalls& calls, const std::string& name_space,
                          const std::string& experiment);

// Runs of this namespace whose lease is over, each taken by one of those that look only: what they
// left is removed, but what is of an elder run that lives. A line for each of them, and for what
// couldn't be. `kept_too`: also of those that failed and are kept to be looked at.
Result<std::vector<std::string>> clean_leftovers(ClusterCalls& calls, const std::string& name_space,
                                                 const std::string& own_name,
                                                 const Outside& outside, bool kept_too = false,
                                                 const OnLeft& on_left = {});

}  // namespace galileo::experiment
