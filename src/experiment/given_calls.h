// A run's given objects on their cluster: looked at before anything is made, applied in their
// order, awaited until they are ready, and taken away again in the reverse order, by the run itself
// or by who comes after one that was killed. Blocking, with deadlines; on the caller's thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "experiment/cluster_calls.h"
#include "experiment/given_objects.h"
#include "experiment/pod_failure.h"
#include "experiment/run_ledger.h"

namespace galileo::experiment {

// The manifests as objects, each shown to the server as far as it can check it yet. Errors: as
// arrange_given(); no right to make or remove one of them; one that is there already and whose it
// is; what the server refuses. All with the place in the manifest, none with a secret of it.
Result<std::vector<GivenObject>> look_up_given(ClusterCalls& calls,
                                               const std::vector<plan::Manifest>& manifests,
                                               const std::string& id, const std::string& name_space,
                                               const std::vector<KubernetesObject>& ours);

// Whose they are, and how they are waited for.
struct GivenRun {
  std::string id;
  std::string name_space;  // the run's: what is in it is owned by its ledger
  std::string owner;       // JSON of the owner reference
  Duration ready_within{0};
  PodFailureWatch::Bounds bounds;
  // An Error ends it; asked again and again.
  std::function<Result<void>()> may_go_on;
  // So many of all are ready, and how far the first of the others is.
  std::function<void(std::size_t done, std::size_t all, const std::string& latest, Duration left)>
      tell;
};

// Applies them, and waits until they are ready. Errors: a refusal, what Kubernetes says of one that
// can't be, the time is over.
Result<void> make_given(ClusterCalls& calls, const std::vector<GivenObject>& objects,
                        const GivenRun& run);

// Kinds among the ledger's that we may not delete; empty: none.
Result<std::string> kinds_denied(ClusterCalls& calls, const RunLedger& ledger);
// Those of the ledger that are the run's, and the volumes that were claimed for them; waits until
// they are gone.
Result<void> remove_given(ClusterCalls& calls, const RunLedger& ledger, const OnLeft& on_left);

}  // namespace galileo::experiment
