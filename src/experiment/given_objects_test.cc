#include "experiment/given_objects.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

namespace galileo::experiment {
namespace {

using Json = nlohmann::json;

KnownKinds kinds() {
  KnownKinds known;
  note_kinds(Json::parse(R"({"groupVersion": "v1", "resources": [
    {"name": "pods", "kind": "Pod", "namespaced": true},
    {"name": "pods/log", "kind": "Pod", "namespaced": true},
    {"name": "configmaps", "kind": "ConfigMap", "namespaced": true},
    {"name": "namespaces", "kind": "Namespace", "namespaced": false}]})"),
             known);
  note_kinds(Json::parse(R"({"groupVersion": "apps/v1", "resources": [
    {"name": "deployments", "kind": "Deployment", "namespaced": true},
    {"name": "statefulsets", "kind": "StatefulSet", "namespaced": true}]})"),
             known);
  note_kinds(Json::parse(R"({"groupVersion": "autoscaling/v2", "resources": [
    {"name": "horizontalpodautoscalers", "kind": "HorizontalPodAutoscaler", "namespaced": true}]})"),
             known);
  note_kinds(Json::parse(R"({"groupVersion": "apiextensions.k8s.io/v1", "resources": [
    {"name": "customresourcedefinitions", "kind": "CustomResourceDefinition", "namespaced": false}
    ]})"),
             known);
  return known;
}

plan::Manifest manifest(const char* group_version, const char* kind, const char* name,
                        Json more = Json::object(), const char* name_space = "") {
  more["apiVersion"] = group_version;
  more["kind"] = kind;
  more["metadata"]["name"] = name;
  return {"app.yaml", 7, group_version, kind, name_space, name, more.dump(), {}};
}

Result<std::vector<GivenObject>> arranged(const std::vector<plan::Manifest>& manifests,
                                          const std::vector<KubernetesObject>& ours = {}) {
  return arrange_given(manifests, kinds(), "run-1", "lab", ours);
}

std::string problem(const std::vector<plan::Manifest>& manifests,
                    const std::vector<KubernetesObject>& ours = {}) {
  const auto given = arranged(manifests, ours);
  return given.ok() ? "" : given.error().to_text();
}

}  // namespace

TEST_CASE("what others need is made before them, and the rest in the order of the file") {
  const auto given =
      arranged({manifest("apps/v1", "Deployment", "web"), manifest("v1", "ConfigMap", "b"),
                manifest("v1", "ConfigMap", "a"), manifest("v1", "Namespace", "other"),
                manifest("a.dev/v1", "Thing", "t"),
                manifest("apiextensions.k8s.io/v1", "CustomResourceDefinition", "things.a.dev",
                         {{"spec",
                           {{"group", "a.dev"},
                            {"scope", "Namespaced"},
                            {"names", {{"plural", "things"}, {"kind", "Thing"}}},
                            {"versions", {{{"name", "v1"}}}}}}})});
  REQUIRE(given.ok());
  std::vector<std::string> names;
  for (const GivenObject& one : *given) names.push_back(one.object.plural + "/" + one.object.name);
  CHECK(names == std::vector<std::string>{"namespaces/other",
                                          "customresourcedefinitions/things.a.dev", "configmaps/b",
                                          "configmaps/a", "deployments/web", "things/t"});
  CHECK(given->at(0).path() == "/api/v1/namespaces/other");
  CHECK(given->at(2).path() == "/api/v1/namespaces/lab/configmaps/b");
  CHECK(given->at(5).path() == "/apis/a.dev/v1/namespaces/lab/things/t");
  CHECK(given->at(5).is_unknown_yet);
  CHECK_FALSE(given->at(4).is_unknown_yet);
  const auto rows = ledger_rows(*given);
  CHECK(rows.at(0) == RunLedger::Given{"v1", "namespaces", "", "other", 0});
  CHECK(rows.at(5).turn > rows.at(4).turn);
}

TEST_CASE("the run's label is on the object and on what it makes, and nothing else is changed") {
  const auto given =
      arranged({manifest("apps/v1", "StatefulSet", "db",
                         {{"metadata", {{"labels", {{"app", "db"}}}}},
                          {"spec",
                           {{"replicas", 3},
                            {"selector", {{"matchLabels", {{"app", "db"}}}}},
                            {"template", {{"metadata", {{"labels", {{"app", "db"}}}}}}},
                            {"volumeClaimTemplates", {{{"metadata", {{"name", "data"}}}}}}}},
                          {"status", {{"replicas", 1}}}})});
  REQUIRE(given.ok());
  const Json json = Json::parse(given->at(0).object.json);
  CHECK(json["metadata"]["labels"] == Json{{"app", "db"}, {kExperimentLabel, "run-1"}});
  CHECK(json["spec"]["template"]["metadata"]["labels"] ==
        Json{{"app", "db"}, {kExperimentLabel, "run-1"}});
  CHECK(json["spec"]["volumeClaimTemplates"][0]["metadata"]["labels"][kExperimentLabel] == "run-1");
  CHECK(json["spec"]["selector"]["matchLabels"] == Json{{"app", "db"}});
  CHECK(json["spec"]["replicas"] == 3);
  CHECK_FALSE(json.contains("status"));
}

TEST_CASE("replicas are left out where a scaler of the manifests says them") {
  const Json spec{{"replicas", 3}};
  const Json target{{"spec", {{"scaleTargetRef", {{"kind", "Deployment"}, {"name", "web"}}}}}};
  const auto given = arranged({manifest("apps/v1", "Deployment", "web", {{"spec", spec}}),
                               manifest("apps/v1", "Deployment", "other", {{"spec", spec}}),
                               manifest("apps/v1", "Deployment", "web", {{"spec", spec}}, "far"),
                               manifest("autoscaling/v2", "HorizontalPodAutoscaler", "h", target)});
  REQUIRE(given.ok());
  CHECK_FALSE(Json::parse(given->at(0).object.json)["spec"].contains("replicas"));
  CHECK(Json::parse(given->at(1).object.json)["spec"]["replicas"] == 3);
  CHECK(Json::parse(given->at(2).object.json)["spec"]["replicas"] == 3);
}

TEST_CASE("odd shapes are the server's to refuse, and break nothing here") {
  for (const Json& spec :
       {Json(), Json(7), Json::array(), Json{{"template", 7}},
        Json{{"template", {{"metadata", "x"}}}}, Json{{"volumeClaimTemplates", {1, 2}}}})
    CHECK(arranged({manifest("apps/v1", "Deployment", "web", {{"spec", spec}})}).ok());
}

TEST_CASE("a kind that nobody knows, the run's own namespace and our own names are refused") {
  CHECK(problem({manifest("apps/v1", "Deploymnet", "web")})
            .find("no kind 'Deploymnet' of apps/v1, app.yaml:7") != std::string::npos);
  CHECK(problem({manifest("apps/v1", "Deploymnet", "web")}).find("apps/v1/Deployment") !=
        std::string::npos);
  CHECK(problem({manifest("v1", "Namespace", "lab")}).find("the run's own namespace 'lab'") !=
        std::string::npos);
  const KubernetesObject ours{"apps/v1", "deployments", "web", "{}"};
  CHECK(problem({manifest("apps/v1", "Deployment", "web")}, {ours})
            .find("is made for an application already") != std::string::npos);
  CHECK(problem({manifest("apps/v1", "Deployment", "web", Json::object(), "far")}, {ours}) == "");
}

TEST_CASE("ready is what the server has counted after the last change") {
  const auto state = [](const char* kind, const char* json) {
    const GivenState told = given_state(kind, Json::parse(json));
    if (!told.failure.empty()) return "failed: " + told.failure;
    return told.is_ready ? std::string("ready") : told.text;
  };
  const char* const kHalf = R"({"metadata": {"generation": 2}, "spec": {"replicas": 3},
    "status": {"observedGeneration": 2, "readyReplicas": 1}})";
  CHECK(state("Deployment", kHalf) == "1 of 3 ready");
  CHECK(state("StatefulSet", kHalf) == "1 of 3 ready");
  CHECK(state("Deployment", R"({"metadata": {"generation": 2}, "spec": {"replicas": 1},
    "status": {"observedGeneration": 1, "readyReplicas": 1}})") == "0 of 1 ready");
  CHECK(state("Deployment", R"({"metadata": {"generation": 1}, "spec": {"replicas": 1},
    "status": {"observedGeneration": 1, "readyReplicas": 1}})") == "ready");
  CHECK(state("Deployment", R"({"status": {"conditions": [{"type": "ReplicaFailure",
    "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}]}})") ==
        "failed: FailedCreate: exceeded quota");
  CHECK(state("Deployment", R"({"status": {"conditions": [{"type": "ReplicaFailure",
    "status": "True", "message": "forbidden: status unknown for quota: none"}]}})") ==
        "0 of 1 ready");
  CHECK(state("DaemonSet", R"({"metadata": {"generation": 1}})") == "0 of 0 ready");
  CHECK(state("DaemonSet", R"({"metadata": {"generation": 1}, "status": {"observedGeneration": 1,
    "desiredNumberScheduled": 2, "numberReady": 2}})") == "ready");
  CHECK(state("Job", R"({"status": {"succeeded": 1}, "spec": {"completions": 2}})") ==
        "1 of 2 done");
  CHECK(state("Job", R"({"status": {"conditions": [{"type": "Complete", "status": "True"}]}})") ==
        "ready");
  CHECK(state("Job", R"({"status": {"conditions": [{"type": "Failed", "status": "True",
    "reason": "BackoffLimitExceeded"}]}})") == "failed: BackoffLimitExceeded");
  CHECK(state("Job", R"({"spec": {"suspend": true}})") == "ready");
  CHECK(state("Pod", R"({"status": {"phase": "Pending"}})") == "Pending");
  CHECK(state("Pod", R"({"status": {"phase": "Succeeded"}})") == "ready");
  CHECK(state("CustomResourceDefinition", R"({})") == "not established");
  CHECK(state("Namespace", R"({"status": {"phase": "Terminating"}})") == "not active");
  CHECK(state("ConfigMap", R"({})") == "ready");
}

TEST_CASE("what somebody else has made is told from what controllers add to ours") {
  const auto is_anothers = [](const char* entries) {
    return is_made_by_another({{"metadata", {{"managedFields", Json::parse(entries)}}}},
                              "galileo-1");
  };
  CHECK_FALSE(is_anothers(R"([{"manager": "galileo-1", "fieldsV1": {"f:spec": {}}}])"));
  CHECK_FALSE(is_anothers(R"([{"manager": "controller", "subresource": "status",
    "fieldsV1": {"f:spec": {}}}, {"manager": "c", "fieldsV1": {"f:metadata": {}, "f:status": {}}}])"));
  CHECK(is_anothers(R"([{"manager": "galileo-1", "fieldsV1": {"f:metadata": {}}},
    {"manager": "kubectl", "fieldsV1": {"f:data": {}}}])"));
}

}  // namespace galileo::experiment
