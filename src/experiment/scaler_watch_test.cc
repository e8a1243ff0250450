#include "experiment/scaler_watch.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

namespace galileo::experiment {
namespace {

using Json = nlohmann::json;

Json scaler(const char* uid, const Json& conditions) {
  return {{"metadata", {{"uid", uid}}},
          {"spec", {{"scaleTargetRef", {{"name", "hello-deployment"}}}}},
          {"status", {{"conditions", conditions}}}};
}

Json condition(const char* type, const char* status, const char* reason) {
  return {{"type", type}, {"status", status}, {"reason", reason}, {"message", "words\nof it"}};
}

}  // namespace

TEST_CASE("an autoscaler that never had its metrics is told with Kubernetes' reason") {
  ScalerStates states;
  states.on_object(scaler("a", nullptr));
  REQUIRE(states.idle().size() == 1);
  CHECK(states.idle()[0].find("wasn't looked at") != std::string::npos);
  states.on_object(
      scaler("a", Json::array({condition("AbleToScale", "True", "SucceededGetScale"),
                               condition("ScalingActive", "False", "FailedGetResourceMetric")})));
  REQUIRE(states.idle().size() == 1);
  CHECK(states.idle()[0].find("hello-deployment") != std::string::npos);
  CHECK(states.idle()[0].find("FailedGetResourceMetric: words of it") != std::string::npos);
  // Each has none at first; and one that had them once has decided something.
  states.on_object(
      scaler("a", Json::array({condition("ScalingActive", "True", "ValidMetricFound")})));
  CHECK(states.idle().empty());
  states.on_object(
      scaler("a", Json::array({condition("ScalingActive", "False", "FailedGetResourceMetric")})));
  CHECK(states.idle().empty());
}

TEST_CASE("one that can't ask how many pods there are says that") {
  ScalerStates states;
  states.on_object(scaler("a", Json::array({condition("AbleToScale", "False", "FailedGetScale")})));
  REQUIRE(states.idle().size() == 1);
  CHECK(states.idle()[0].find("FailedGetScale") != std::string::npos);
}

}  // namespace galileo::experiment
