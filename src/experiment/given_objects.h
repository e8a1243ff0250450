// A user's manifests as the objects that a run makes of them: which resource each kind is, in which
// order they are made, with the run's label, and without what a scaler says. Whether they are
// ready, by what Kubernetes says of them. Pure functions and values.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "experiment/pod_objects.h"
#include "experiment/run_ledger.h"
#include "plan/manifests.h"

namespace galileo::experiment {

// What the API server calls a kind's objects.
struct KindResource {
  std::string plural;
  bool is_namespaced = true;
};
// By "apps/v1/Deployment".
using KnownKinds = std::map<std::string, KindResource>;

std::string kind_key(const std::string& group_version, const std::string& kind);
// Those of an APIResourceList.
void note_kinds(const nlohmann::json& list, KnownKinds& kinds);
// Those that the manifests themselves define, which the server knows later.
KnownKinds kinds_defined_by(const std::vector<plan::Manifest>& manifests);

// Of what comes before all that is made of it, and of what has pods.
inline constexpr int kDefinitionTurn = 1;
inline constexpr int kWorkloadTurn = 5;

struct GivenObject {
  std::string where;  // "app.yaml:12"
  std::string kind;
  std::string name_space;  // empty: it is the whole cluster's
  KubernetesObject object;
  int turn = 0;  // those of one turn are made before those of the next, and gone after them
  // Its kind, or its namespace, is made by the manifests too: before that nobody can check it.
  bool is_unknown_yet = false;

  std::string path() const;
};

// In the order in which they are made. `ours`: the run's own objects in `name_space`. Errors
// (kUsage), with the place: a kind that the cluster doesn't know, the run's own namespace, a name
// that one of the run's own objects has.
Result<std::vector<GivenObject>> arrange_given(const std::vector<plan::Manifest>& manifests,
                                               const KnownKinds& kinds, const std::string& id,
                                               const std::string& name_space,
                                               const std::vector<KubernetesObject>& ours);

std::vector<RunLedger::Given> ledger_rows(const std::vector<GivenObject>& objects);

// Whether an object is what it is to be before the first request.
struct GivenState {
  bool is_ready = true;
  std::string text;     // how far it is: "1 of 3 ready"
  std::string failure;  // it never will be, in Kubernetes' own words
};
// Of a Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, Pod, namespace or definition of custom
// resources, as the server has it; all else is ready once it is there.
GivenState given_state(const std::string& kind, const nlohmann::json& object);

// Pods may not be made now, for a reason that goes by itself.
bool passes(const std::string& refusal);

// Whether there is anything to wait for of that kind.
bool is_awaited(const std::string& kind);

// Somebody else had made it before it was applied: another than `manager` says what is in it.
bool is_made_by_another(const nlohmann::json& object, const std::string& manager);

}  // namespace galileo::experiment
