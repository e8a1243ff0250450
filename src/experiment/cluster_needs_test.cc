#include "experiment/cluster_needs.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace galileo::experiment {
namespace {

// In their words, those of the namespace `lab`; of the whole cluster with a star.
std::vector<std::string> rights(const plan::Plan& plan) {
  std::vector<std::string> texts;
  for (const kubernetes::Right& right : rights_to_take_back(plan, "lab"))
    texts.push_back(right_text(right) + (right.name_space == "lab" ? "" : " *"));
  return texts;
}

bool has(const std::vector<std::string>& texts, const char* text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

}  // namespace

TEST_CASE("a run needs the rights that take back what it does, and no others") {
  plan::Plan plan;
  plan.applications.emplace_back().pods.emplace();
  const auto of_pods = rights(plan);
  for (const char* text : {"watch pods", "delete pods", "delete configmaps", "patch configmaps",
                           "patch leases (coordination.k8s.io)", "list deployments (apps)"})
    CHECK_MESSAGE(has(of_pods, text), text);
  CHECK_FALSE(has(of_pods, "delete deployments (apps)"));
  CHECK_FALSE(has(of_pods, "patch nodes *"));
  plan.applications[0].pods->is_deployment = true;
  CHECK(has(rights(plan), "delete deployments (apps)"));
  plan.applications[0].pods->autoscale.emplace();
  CHECK(has(rights(plan), "delete horizontalpodautoscalers (autoscaling)"));
  plan::ChangeCluster cordon;
  cordon.kind = plan::ChangeCluster::Kind::kCordon;
  plan.phases.emplace_back().actions.emplace_back().what = cordon;
  CHECK(has(rights(plan), "patch nodes *"));
}

}  // namespace galileo::experiment
