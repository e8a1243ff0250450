#include "experiment/deployment_watch.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

namespace galileo::experiment {
namespace {

using Json = nlohmann::json;

Json deployment(const Json& conditions) {
  return {{"metadata", {{"uid", "d"}, {"name", "hello-deployment"}}},
          {"status", {{"conditions", conditions}}}};
}

Json refusal(const char* status, const char* message) {
  return Json::array({{{"type", "Available"}, {"status", "False"}, {"message", "too few"}},
                      {{"type", "ReplicaFailure"},
                       {"status", status},
                       {"reason", "FailedCreate"},
                       {"message", message}}});
}

}  // namespace

TEST_CASE("a Deployment that may have no pods is told in Kubernetes' words, each time anew") {
  DeploymentStates states;
  CHECK_FALSE(states.on_object(deployment(nullptr)));
  const auto why = states.on_object(deployment(refusal("True", "exceeded quota:\nnone")));
  REQUIRE(why);
  CHECK(why->reason == "FailedCreate");
  CHECK(why->text == "exceeded quota: none");
  // It says so again and again while it tries.
  CHECK_FALSE(states.on_object(deployment(refusal("True", "exceeded quota: none"))));
  CHECK_FALSE(states.on_object(deployment(refusal("False", ""))));
  CHECK(states.on_object(deployment(refusal("True", "exceeded quota: none"))));
  states.on_gone("d");
  CHECK(states.on_object(deployment(refusal("True", "exceeded quota: none"))));
}

TEST_CASE("a quota that isn't counted yet is no refusal") {
  DeploymentStates states;
  CHECK_FALSE(states.on_object(deployment(refusal("True", "status unknown for quota: pods"))));
  CHECK(states.on_object(deployment(refusal("True", "exceeded quota: pods"))));
}

}  // namespace galileo::experiment
