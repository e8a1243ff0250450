#include "plan/manifests.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>

#include "plan/file.h"

namespace galileo::plan {
namespace {

constexpr const char* kTwo = R"(apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {level: "{{ not ours }}"}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: lab
  labels: {ether.edgerun.io/function: not-the-pods}
spec:
  replicas: 2
  template:
    metadata: {labels: {app: web, ether.edgerun.io/function: hello}}
    spec: {containers: [{name: main, image: "i:1"}]}
)";

std::vector<Manifest> read(std::string_view text) {
  std::vector<wire::YamlFault> faults;
  auto manifests = parse_manifests(text, "app.yaml", faults);
  CHECK_MESSAGE(faults.empty(), (faults.empty() ? "" : faults.front().why));
  return manifests;
}

// "line:column: why; hint" of the only fault.
std::string fault(std::string_view text) {
  std::vector<wire::YamlFault> faults;
  parse_manifests(text, "app.yaml", faults);
  REQUIRE_MESSAGE(faults.size() == 1, text);
  return fmt::format("{}:{}: {}{}{}", faults[0].place.line, faults[0].place.column, faults[0].why,
                     faults[0].hint.empty() ? "" : "; ", faults[0].hint);
}

std::string object(std::string_view more) {
  return fmt::format("apiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\n{}\n", more);
}

}  // namespace

TEST_CASE("several documents are so many objects, each with its place and its pods' functions") {
  const auto manifests = read(kTwo);
  REQUIRE(manifests.size() == 2);
  CHECK(manifests[0].where() == "app.yaml:1");
  CHECK(manifests[0].group_version == "v1");
  CHECK(manifests[0].functions.empty());
  CHECK(manifests[1].where() == "app.yaml:6");
  CHECK(manifests[1].kind == "Deployment");
  CHECK(manifests[1].name == "web");
  CHECK(manifests[1].name_space == "lab");
  CHECK(manifests[1].functions == std::vector<std::string>{"hello"});
  CHECK(manifests[1].json.find(R"("replicas": 2)") != std::string::npos);
}

TEST_CASE("lists are what is in them, anchors stand for what they name, JSON is YAML") {
  const auto list = read(R"({"apiVersion": "v1", "kind": "List", "items": [
    {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}},
    {"apiVersion": "v1", "kind": "ServiceList", "items": [
      {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "b"}}]}]})");
  REQUIRE(list.size() == 2);
  CHECK(list[1].name == "b");
  CHECK(list[1].line == 4);
  const auto anchored = read(
      "apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: &l {ether.edgerun.io/function: f}}\n"
      "spec: {other: *l}\n");
  REQUIRE(anchored.size() == 1);
  CHECK(anchored[0].functions == std::vector<std::string>{"f"});
  CHECK(anchored[0].json.find(R"("other": {"ether.edgerun.io/function": "f"})") !=
        std::string::npos);
  CHECK(read("apiVersion: v1\nkind: List\nitems:\n").empty());
}

TEST_CASE("a schema of custom resources may be deep") {
  std::string text =
      "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
      "metadata: {name: a.b}\nspec: ";
  for (int i = 0; i < 80; ++i) text += "{p: ";
  CHECK(read(text + "x" + std::string(80, '}') + "\n").size() == 1);
}

TEST_CASE("what can be no manifest is told with its line and what to do") {
  CHECK(fault("- a\n").starts_with("1:1: a manifest is a map"));
  CHECK(fault("apiVersion: v1\nmetadata: {name: a}\n").starts_with("1:1: kind is missing; write"));
  CHECK(
      fault("kind: Service\nmetadata: {name: a}\n").starts_with("1:1: apiVersion of the Service"));
  CHECK(fault("apiVersion: v1/v2/v3\nkind: A\nmetadata: {name: a}").find("no apiVersion") !=
        std::string::npos);
  CHECK(fault("apiVersion: v1\nkind: '../A'\nmetadata: {name: a}").find("no kind") !=
        std::string::npos);
  CHECK(fault("apiVersion: v1\nkind: A\n").find("has no metadata.name") != std::string::npos);
  CHECK(fault("apiVersion: v1\nkind: A\nmetadata: {name: 7}\n").find("in quotes") !=
        std::string::npos);
  CHECK(
      fault("apiVersion: v1\nkind: A\nmetadata: {generateName: a-}\n").find("another each time") !=
      std::string::npos);
  CHECK(fault("apiVersion: v1\nkind: A\nmetadata: {name: ../b}\n").starts_with("3:18: '../b'"));
  CHECK(fault("apiVersion: v1\nkind: A\nmetadata: {name: b, namespace: B}\n").starts_with("3:32:"));
  CHECK(fault("apiVersion: v1\nkind: A\nmetadata: 7\n") == "3:11: metadata must be a map");
  CHECK(fault("apiVersion: v1\nkind: A\nmetadata: {name: a, labels: [x]}\n") ==
        "3:29: metadata.labels must be a map");
  CHECK(fault("apiVersion: v1\nkind: A\nmetadata: {name: a, labels: "
              "{galileo.edgerun.io/experiment: x}}\n")
            .find("Galileo's to say") != std::string::npos);
  CHECK(fault("apiVersion: v1\nkind: List\nitems: 7\n").starts_with("3:8: items of a List"));
  CHECK(fault("a: [\n").starts_with("1:"));
}

TEST_CASE("what has to be rendered before is told so") {
  CHECK(fault("apiVersion: v1\nkind: A\nmetadata:\n  name: {{ .Values.name }}\n") ==
        "4:9: it is a template ('{{'), and no YAML; render it first: helm template, or kubectl "
        "kustomize");
  CHECK(fault("apiVersion: v1\nkind: A\nmetadata:\n  name: '{{ .Values.name }}'\n")
            .find("helm template") != std::string::npos);
  CHECK(fault("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{image: "
              "'{{ .Values.image }}'}]}\n")
            .starts_with("4:29:"));
  CHECK(fault("resources: [a.yaml]\n").find("kubectl kustomize") != std::string::npos);
  CHECK(fault("apiVersion: v2\nname: chart\nversion: 1.0.0\n").find("helm template") !=
        std::string::npos);
  CHECK(fault("name: x\nclients: []\n").find("a folder of their own") != std::string::npos);
  CHECK(
      fault("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nmetadata: {name: a}")
          .find("isn't an object") != std::string::npos);
}

TEST_CASE("what stands in a Secret is in no message and nothing that is kept") {
  CHECK(fault(object("stringData: {password: 7654321}")) ==
        "4:24: stringData.password of a Secret must be a text; put it in quotes");
  CHECK(fault(object("data: 7654321")).find("7654321") == std::string::npos);
  const std::string secret =
      read(object("stringData: {user: hunter2, \"n\": \"7\"}\ndata: {key: aHVudGVyMg==}"))[0].json;
  const std::string kept = manifest_without_secrets(secret);
  CHECK(kept.find("hunter2") == std::string::npos);
  CHECK(kept.find("aHVudGVyMg") == std::string::npos);
  CHECK(kept.find(R"("key":"***")") != std::string::npos);
  CHECK(without_secrets_of(secret, "got hunter2, aHVudGVyMg== and hunter2") ==
        "got ***, *** and ***");
}

TEST_CASE("credentials are hidden by their names, and what says where one is stays") {
  const std::string json = manifest_without_secrets(
      R"({"kind": "Deployment", "metadata": {"annotations":
        {"kubectl.kubernetes.io/last-applied-configuration": "{hunter2}"}},
        "spec": {"env": [{"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "A", "value": "b"}],
        "args": ["--password", "hunter2", "--url=redis://u:hunter2@h"], "secretName": "kept",
        "password": "hunter2", "automountServiceAccountToken": false}, "data":
        {"f.conf": "a: 1\npassword: hunter2\n"}})");
  CHECK_MESSAGE(json.find("hunter2") == std::string::npos, json);
  CHECK(json.find(R"("value":"b")") != std::string::npos);
  CHECK(json.find(R"("secretName":"kept")") != std::string::npos);
  CHECK(json.find(R"("automountServiceAccountToken":false)") != std::string::npos);
  CHECK(manifest_without_secrets("{") == "{}");
}

namespace {

constexpr const char* kFile = R"(name: x
applications:
  - name: hello
    kubernetes: {from_manifests: yes, pods: 2}
clients:
  - {application: hello, zone: main, rate: 1, duration: 1s}
kubernetes:
  manifests: MANIFESTS
)";

Result<Plan> plan_with(const std::string& manifests,
                       const std::map<std::string, std::string>& files) {
  FileOptions options;
  options.files_of = [&](const std::string& path) -> Result<std::vector<std::string>> {
    if (path != "folder") return std::vector<std::string>{path};
    return std::vector<std::string>{"folder/a.yaml", "folder/b.yaml"};
  };
  options.read_file = [&](const std::string& path) -> Result<std::string> {
    const auto found = files.find(path);
    if (found != files.end()) return found->second;
    return Error{ErrorCode::kIo, "can't open", path, "No such file or directory", {}};
  };
  std::string text = kFile;
  text.replace(text.find("MANIFESTS"), 9, manifests);
  return parse_plan(text, "f.yaml", options);
}

std::string problem(const std::string& manifests, const std::map<std::string, std::string>& files) {
  const auto plan = plan_with(manifests, files);
  return plan.ok() ? "" : plan.error().why;
}

}  // namespace

TEST_CASE("an application's pods may be those of manifests, which are kept with the plan") {
  const auto plan = plan_with("app.yaml", {{"app.yaml", kTwo}});
  REQUIRE_MESSAGE(plan.ok(), plan.error().to_text());
  CHECK(plan->applications[0].pods->from_manifests);
  CHECK(plan->applications[0].pods->count == 2);
  CHECK(plan->cluster->manifests.size() == 2);
  CHECK(to_json(*plan).find(R"("file":"app.yaml","line":6,"object":{"apiVersion":"apps/v1")") !=
        std::string::npos);
  CHECK(describe(*plan).find("Deployment  lab/web   app.yaml:6") != std::string::npos);
  CHECK(plan_with("[folder]", {{"folder/a.yaml", kTwo}, {"folder/b.yaml", object("")}})
            ->cluster->manifests.size() == 3);
}

TEST_CASE("a problem of a manifest has its place in both files") {
  CHECK(problem("[gone.yaml]", {}).find("f.yaml:8:15: can't open: gone.yaml: No such file") !=
        std::string::npos);
  CHECK(
      problem("a.yaml", {{"a.yaml", "a: 1\n"}}).find("f.yaml:8:14: a.yaml:1:1: kind is missing") !=
      std::string::npos);
  CHECK(problem("a.yaml", {{"a.yaml", "# nothing\n"}}).find("a.yaml holds no object") !=
        std::string::npos);
  CHECK(problem("folder", {{"folder/a.yaml", kTwo}, {"folder/b.yaml", kTwo}})
            .find("folder/b.yaml:6: Deployment 'web' is there twice; the other one is at "
                  "folder/a.yaml:6") != std::string::npos);
  CHECK(problem("https://a/b.yaml", {}).find("is a URL") != std::string::npos);
  CHECK(problem("{a: b}", {}).find("manifests must be a list") != std::string::npos);
}

TEST_CASE("an application whose pods no manifest makes is told, where that can be known") {
  CHECK(problem("a.yaml", {{"a.yaml", object("")}})
            .find("f.yaml:3:5: no manifest makes pods of 'hello'; give the template of its pods "
                  "the label ether.edgerun.io/function: hello") != std::string::npos);
  // Whoever looks after these may make pods.
  CHECK(problem("a.yaml", {{"a.yaml", "apiVersion: a.dev/v1\nkind: A\nmetadata: {name: a}\n"}}) ==
        "");
  CHECK(problem("", {}).find("come from manifests, and none are given") != std::string::npos);
}

}  // namespace galileo::plan
