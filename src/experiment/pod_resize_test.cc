#include "experiment/pod_resize.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

namespace galileo::experiment {
namespace {

using Json = nlohmann::json;

Json pod(const char* resources) {
  return {{"spec",
           {{"containers", Json::array({{{"name", "main"}, {"resources", Json::parse(resources)}},
                                        {{"name", "beside"}}})}}}};
}

Json patched(const char* resources, const Limits& limits) {
  return resize_patch(pod(resources), limits)["spec"]["containers"][0]["resources"];
}

}  // namespace

TEST_CASE("what a pod requests goes with its limit as its class wants it") {
  // Guaranteed: both are equal, and stay so.
  CHECK(patched(R"({"limits": {"cpu": "1"}, "requests": {"cpu": "1000m"}})", {{"cpu", "2"}}) ==
        Json::parse(R"({"limits": {"cpu": "2"}, "requests": {"cpu": "2"}})"));
  // Burstable: only where the limit would be below it.
  CHECK(patched(R"({"limits": {"cpu": "1"}, "requests": {"cpu": "100m"}})", {{"cpu", "500m"}}) ==
        Json::parse(R"({"limits": {"cpu": "500m"}})"));
  CHECK(patched(R"({"limits": {"cpu": "1"}, "requests": {"cpu": "900m"}})", {{"cpu", "500m"}}) ==
        Json::parse(R"({"limits": {"cpu": "500m"}, "requests": {"cpu": "500m"}})"));
  CHECK(limits_of(pod(R"({"limits": {"cpu": "1", "memory": "64Mi"}})")) ==
        Limits{{"cpu", "1"}, {"memory", "64Mi"}});
  CHECK(limits_of(Json()).empty());
}

TEST_CASE("a change is done when the pod's node says so, and not before") {
  Json one = pod(R"({"limits": {"cpu": "500m"}})");
  const Limits wanted{{"cpu", "0.5"}};
  CHECK_FALSE(resize_state(one, wanted).is_done);
  one["status"]["containerStatuses"] =
      Json::parse(R"([{"name": "main", "resources": {"limits": {"cpu": "1"}}}])");
  CHECK_FALSE(resize_state(one, wanted).is_done);
  one["status"]["containerStatuses"][0]["resources"]["limits"]["cpu"] = "500m";
  CHECK(resize_state(one, wanted).is_done);
  one["status"]["conditions"] = Json::parse(
      R"([{"type": "PodResizePending", "reason": "Infeasible", "message": "Node didn't have"}])");
  const ResizeState refused = resize_state(one, wanted);
  CHECK_FALSE(refused.is_done);
  CHECK(refused.is_refused);
  CHECK(refused.why == "Infeasible: Node didn't have");
  one["status"]["conditions"] = Json::parse(R"([{"type": "PodResizeInProgress"}])");
  CHECK(resize_state(one, wanted).why == "PodResizeInProgress");
}

}  // namespace galileo::experiment
