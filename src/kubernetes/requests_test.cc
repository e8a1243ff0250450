#include "kubernetes/requests.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

namespace galileo::kubernetes {
namespace {

using Json = nlohmann::json;

TEST_CASE("what can't be done twice by accident is marked so") {
  CHECK(remove("/api/v1/namespaces/x/pods/a", {"u-1", "Foreground", 5}).repeatable);
  CHECK_FALSE(remove("/api/v1/namespaces/x/pods/a", {}).repeatable);
  CHECK_FALSE(create("/api/v1/namespaces/x/pods", Json::object()).repeatable);
  CHECK_FALSE(replace("/api/v1/namespaces/x/pods/a", Json::object()).repeatable);
  CHECK(dry_run(create("/p", Json::object())).repeatable);
  CHECK(merge_patch("/p", Json{{"a", 1}}).repeatable);
  CHECK_FALSE(merge_patch("/p", Json{{"metadata", {{"resourceVersion", "5"}}}}).repeatable);
}

TEST_CASE(
    "a deletion always says what becomes of the children, and whose it is where that is given") {
  const ApiRequest request = remove("/p/a", {"u-1", "Foreground", 0});
  CHECK(request.method == "DELETE");
  CHECK(Json::parse(request.body) == Json{{"kind", "DeleteOptions"},
                                          {"apiVersion", "v1"},
                                          {"propagationPolicy", "Foreground"},
                                          {"preconditions", {{"uid", "u-1"}}},
                                          {"gracePeriodSeconds", 0}});
  CHECK(Json::parse(remove("/p/a", {}).body)["propagationPolicy"] == "Background");
}

TEST_CASE("an apply isn't forced and says whose it is; a scale changes the number alone") {
  const ApiRequest applied = apply("/p/a", Json{{"a", 1}}, "galileo run");
  CHECK(applied.path == "/p/a?fieldManager=galileo%20run");
  CHECK(applied.content_type == "application/apply-patch+yaml");
  CHECK(applied.path.find("force") == std::string::npos);
  const ApiRequest scaled = scale("/apis/apps/v1/namespaces/x/deployments/a", 3);
  CHECK(scaled.path == "/apis/apps/v1/namespaces/x/deployments/a/scale");
  CHECK(scaled.body == R"({"spec":{"replicas":3}})");
  CHECK(dry_run(apply("/p/a", Json::object(), "g")).path == "/p/a?fieldManager=g&dryRun=All");
}

TEST_CASE("a right is asked for by its parts, and its answer is yes, no or an error") {
  const Right right{"get", "", "pods/log", "lab", {}};
  const Json asked = Json::parse(may_we(right).body)["spec"]["resourceAttributes"];
  CHECK(asked["resource"] == "pods");
  CHECK(asked["subresource"] == "log");
  CHECK(asked["namespace"] == "lab");
  CHECK(*is_allowed(right, {201, R"({"status": {"allowed": true}})", {}}));
  CHECK_FALSE(*is_allowed(right, {201, R"({"status": {"allowed": false}})", {}}));
  CHECK_FALSE(is_allowed(right, {403, "{}", {}}).ok());
  CHECK_FALSE(is_allowed(right, {201, "{}", {}}).ok());
}

}  // namespace
}  // namespace galileo::kubernetes
