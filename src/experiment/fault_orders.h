// What fault agents are told for an event of an experiment, and whether what they measured is what
// was asked for. Pure functions.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "plan/plan.h"
#include "wire/fault_order.h"

namespace galileo::experiment {

inline constexpr const char* kDeployAgent =
    "kubectl apply -f deployment/kustomize/chaos/chaos.yaml (docs/how-to/chaos.md)";

// Those of the plan's events that fault agents are asked for.
std::vector<const plan::ChangeCluster*> faults_of(const plan::Plan& plan);
// Where one may come to be: the nodes of the pods that are meant, as the plan pins them; of free
// ones each of `all` may be it.
std::vector<std::string> nodes_of(const plan::ChangeCluster& change, const plan::Plan& plan,
                                  const std::set<std::string>& all);

// An order, and what must be measured of it.
struct FaultPart {
  wire::FaultOrder order;
  double delay_ms = 0;
  double loss = 0;      // share
  double rate_bps = 0;  // at most that
  double cpus = 0;
  double memory = 0;          // bytes
  bool holds_others = false;  // those behind it are in it
};

// Of kNetem: all of it by the kernel's network emulator. Of kStress: its only one.
std::vector<FaultPart> fault_parts(const plan::ChangeCluster& change);
// Of kNetem, where a node's kernel hasn't got the emulator: a rate by a token bucket, a loss by a
// filter that draws; in the order in which they are started. An Error (kUnavailable): a delay.
Result<std::vector<FaultPart>> parts_without_netem(const plan::ChangeCluster& change);

using Measured = std::vector<std::pair<std::string, double>>;

// Of a part that was tried apart; empty: it is as asked.
std::string why_not_as_asked(const FaultPart& part, const Measured& measured);
// Of one that has ended, by what passed it; empty: it was there.
std::string why_without_effect(const FaultPart& part, const Measured& measured);

}  // namespace galileo::experiment
