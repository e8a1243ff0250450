#include "plan/scaled.h"

#include <doctest/doctest.h>

namespace galileo::plan {
namespace {

Application hello(bool from_manifests, bool is_deployment) {
  Application application;
  application.name = "hello";
  application.pods.emplace();
  application.pods->from_manifests = from_manifests;
  application.pods->is_deployment = is_deployment;
  return application;
}

Manifest manifest(const std::string& kind, const std::string& name, const std::string& function) {
  Manifest one;
  one.file = "a.yaml";
  one.line = 7;
  one.group_version = kind == "Job" ? "batch/v1" : "apps/v1";
  one.kind = kind;
  one.name = name;
  one.functions = {function};
  return one;
}

}  // namespace

TEST_CASE("an event scales the application's own Deployment, and nothing that has no number") {
  const auto scaled = scaled_by(hello(false, true), {});
  REQUIRE(scaled.ok());
  CHECK(scaled->plural == "deployments");
  CHECK(scaled->name == "hello-deployment");
  CHECK(scaled_by(hello(false, false), {}).error().why == "it isn't a Deployment");
}

TEST_CASE("of manifests an event scales the one object that makes the application's pods") {
  Plan plan;
  plan.cluster.emplace();
  plan.cluster->manifests = {manifest("Deployment", "other", "other"),
                             manifest("Job", "fill", "hello")};
  CHECK(scaled_by(hello(true, false), plan).error().why.starts_with("the manifests have no"));
  plan.cluster->manifests.push_back(manifest("StatefulSet", "web", "hello"));
  plan.cluster->manifests.back().name_space = "lab";
  const auto scaled = scaled_by(hello(true, false), plan);
  REQUIRE(scaled.ok());
  CHECK(scaled->plural == "statefulsets");
  CHECK(scaled->name == "web");
  CHECK(scaled->name_space == "lab");
  plan.cluster->manifests.push_back(manifest("Deployment", "web2", "hello"));
  CHECK(scaled_by(hello(true, false), plan).error().why ==
        "2 of the manifests make pods of it: a.yaml:7, a.yaml:7");
}

}  // namespace galileo::plan
