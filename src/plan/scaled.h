// Whose number of pods a `scale` event says: the application's own Deployment, or what the
// manifests have for it. Pure.
#pragma once

#include <string>

#include "base/result.h"
#include "plan/plan.h"

namespace galileo::plan {

struct Scaled {
  std::string plural;      // of apps/v1
  std::string name_space;  // as its manifest says; empty: the run's
  std::string name;
};

// An Error (kUsage) where it is nothing that has a number of pods: pods that are pinned or made one
// by one, manifests with no Deployment, StatefulSet or ReplicaSet for it, or with several.
Result<Scaled> scaled_by(const Application& application, const Plan& plan);

}  // namespace galileo::plan
