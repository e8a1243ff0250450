#include "plan/file_kubernetes.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "plan/file.h"

namespace galileo::plan {
namespace {

constexpr const char* kFile = R"(name: x
applications:
  - name: {}
    kubernetes: {}
clients:
  - {}
)";
constexpr const char* kClient = "{application: hello, zone: main, rate: 1, duration: 1s}";

Result<Plan> parse(const std::string& pods, const std::string& client = kClient,
                   const std::string& name = "hello", const std::string& more = {}) {
  return parse_plan(fmt::format(kFile, name, pods, client) + more, "f.yaml", {});
}

std::string problem(const std::string& pods, const std::string& client = kClient,
                    const std::string& name = "hello", const std::string& more = {}) {
  const auto plan = parse(pods, client, name, more);
  return plan.ok() ? "" : plan.error().why;
}

}  // namespace

TEST_CASE("an application that is pods has a service for each zone that clients ask from") {
  const auto plan = parse(R"({image: "i:1", pods: {node1: 2, node2: 1}, requests: {cpu: 500m},
      environment: {A: 1}, spec: {tolerations: [{operator: Exists}]}, port: 80})");
  REQUIRE_MESSAGE(plan.ok(), plan.error().to_text());
  const Pods& pods = *plan->applications.at(0).pods;
  CHECK(pods.total() == 3);
  CHECK(pods.port == 80);
  CHECK(pods.requests.at(0) == std::pair<std::string, std::string>{"cpu", "500m"});
  CHECK(pods.spec_json == R"({"tolerations": [{"operator": "Exists"}]})");
  REQUIRE(plan->services.size() == 1);
  CHECK(plan->services[0].name == "hello-main");
  const load::ClientSpec& client = plan->phases.at(0).clients.at(0);
  CHECK(client.service == "hello-main");
  CHECK(client.request.path == "/function/hello");
  CHECK(client.worker_labels.at(0) == std::pair<std::string, std::string>{"galileo_zone", "main"});
  // Hops are told by headers, so that these are kept.
  CHECK(plan->limits.keep_headers);
}

TEST_CASE("a client's own path is kept, and the cluster's defaults are the context's") {
  const auto plan = parse(
      "{image: i, zone: main}",
      "{application: hello, zone: main, rate: 1, duration: 1s, request: {path: /function/hello/a}}",
      "hello",
      "limits: {keep_headers: false}\nkubernetes: {context: lab, on_pod_failure: record, etcd: "
      "[a:1, b:2], keep: 30m}\n");
  REQUIRE_MESSAGE(plan.ok(), plan.error().to_text());
  CHECK(plan->phases[0].clients[0].request.path == "/function/hello/a");
  CHECK_FALSE(plan->limits.keep_headers);
  CHECK(plan->cluster->context == "lab");
  CHECK(plan->cluster->name_space.empty());
  CHECK(plan->cluster->etcd.size() == 2);
  CHECK(plan->cluster->on_pod_failure == OnPodFailure::kRecord);
  CHECK(plan->cluster->keep == std::chrono::minutes{30});
  CHECK(plan->applications[0].pods->count == 1);
}

TEST_CASE("a pod that is no more ends a run, but where somebody scales or disturbs what runs") {
  const auto does = [](const std::string& pods, const std::string& more = {}) {
    const auto plan = parse(pods, kClient, "hello", more);
    REQUIRE_MESSAGE(plan.ok(), plan.error().to_text());
    return plan->cluster->on_pod_failure;
  };
  const std::string two =
      "{image: i, zone: main, requests: {cpu: 1}, limits: {memory: 1Gi}, deployment: yes}";
  const std::string scaled = "{image: i, zone: main, requests: {cpu: 1}, autoscale: {max: 3}}";
  CHECK(does(two) == OnPodFailure::kEnd);
  CHECK(does(two, "events: [{at: 500ms, scale: hello, replicas: 3}]\n") == OnPodFailure::kEnd);
  CHECK(does(scaled) == OnPodFailure::kRecord);
  CHECK(does(two, "beside: [{command: [scaler]}]\n") == OnPodFailure::kRecord);
  for (const char* fault :
       {"netem: hello, loss: 5%", "stress: node1, cpu: 1", "resize: hello, memory: 64Mi"}) {
    CAPTURE(fault);
    CHECK(does(two, fmt::format("events: [{{at: 500ms, {}}}]\n", fault)) == OnPodFailure::kRecord);
  }
  // What the file says holds.
  CHECK(does(scaled, "kubernetes: {on_pod_failure: end}\n") == OnPodFailure::kEnd);
  CHECK(does(two, "kubernetes: {on_pod_failure: record}\n") == OnPodFailure::kRecord);
}

TEST_CASE("pods of a run that failed are kept for at most a week, and not at all by themselves") {
  CHECK(parse("{image: i, zone: main}")->cluster->keep == Duration{0});
  CHECK(problem("{image: i, zone: main}", kClient, "hello", "kubernetes: {keep: 168h}\n").empty());
  CHECK(problem("{image: i, zone: main}", kClient, "hello", "kubernetes: {keep: 169h}\n")
            .find("kubernetes.keep is longer than a week") != std::string::npos);
}

TEST_CASE("an autoscaler goes by the CPU, by other metrics that are named, or by both") {
  struct Case {
    const char* scale;
    std::uint32_t cpu_pct;
    const char* spec;
  };
  const Case cases[] = {
      {"{max: 3}", 80, "{}"},
      {"{max: 3, cpu: 50, spec: {behavior: {scaleDown: {stabilizationWindowSeconds: 0}}}}", 50,
       R"({"behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}})"},
      {"{max: 3, spec: {metrics: [{type: Pods}]}}", 0, R"({"metrics": [{"type": "Pods"}]})"},
      {"{max: 3, cpu: 50, spec: {metrics: [{type: Pods}]}}", 50,
       R"({"metrics": [{"type": "Pods"}]})"}};
  for (const Case& one : cases) {
    CAPTURE(one.scale);
    const auto plan = parse(
        fmt::format("{{image: i, zone: main, requests: {{cpu: 1}}, autoscale: {}}}", one.scale));
    REQUIRE_MESSAGE(plan.ok(), plan.error().to_text());
    const Pods& pods = *plan->applications[0].pods;
    CHECK(pods.is_deployment);
    CHECK(pods.autoscale->cpu_pct == one.cpu_pct);
    CHECK(pods.autoscale->spec_json == one.spec);
  }
  // By something else than CPU it needs to know no request of it.
  CHECK(parse("{image: i, zone: main, autoscale: {max: 3, spec: {metrics: [{type: Pods}]}}}").ok());
}

TEST_CASE("what Kubernetes would refuse is told with its place before it is asked") {
  const std::string long_name(40, 'a');
  struct Wrong {
    std::string pods, words;
  };
  const Wrong wrongs[] = {
      {"{}", "image is missing"},
      {"{image: 'a b', zone: m}", "has blanks"},
      {"{image: i}", "zone is missing"},
      {"{image: i, zone: Main}", "'Main'"},
      {"{image: i, pods: 0, zone: m}", "from 1 to 10,000"},
      {"{image: i, pods: {}}", "names no node"},
      {"{image: i, pods: {Node: 1}}", "'Node'"},
      {"{image: i, pods: {node1: x}}", "a number of pods"},
      {"{image: i, pods: {node1: 1}, deployment: yes}", "can't be a Deployment's"},
      {"{image: i, zone: m, requests: {cpu: 16g}}", "requests.cpu"},
      {"{image: i, zone: m, limits: {memory: 1Gib}}", "limits.memory"},
      {"{image: i, zone: m, autoscale: {min: 1, max: 3}}", "requests: {cpu: 500m}"},
      {"{image: i, zone: m, requests: {cpu: 1}, autoscale: {min: 3, max: 2}}", "is below min"},
      {"{image: i, zone: m, requests: {cpu: 1}, autoscale: {min: 3}}", "max is missing"},
      {"{image: i, zone: m, requests: {cpu: 1}, autoscale: {max: 3, spec: {minReplicas: 2}}}",
       "spec.minReplicas is Galileo's to say"},
      {"{image: i, zone: m, autoscale: {max: 3, spec: {behavior: {}}}}", "requests: {cpu: 500m}"},
      {"{image: i, zone: m, autoscale: {max: 3, cpu: 50, spec: {metrics: []}}}",
       "requests: {cpu: 500m}"},
      {"{image: i, zone: m, autoscale: {max: 3, spec: []}}", "must be a map"},
      {"{image: i, zone: m, container: [1]}", "must be a map"},
      {"{image: i, zone: m, container: {image: x}}", "is Galileo's to say"},
      {"{image: i, zone: m, spec: {nodeName: x}}", "is Galileo's to say"},
      {"{image: i, zone: m, replicas: 2}", "unknown key 'replicas'"},
  };
  for (const Wrong& wrong : wrongs) {
    CAPTURE(wrong.pods);
    const std::string told = problem(wrong.pods);
    CHECK_MESSAGE(told.find(wrong.words) != std::string::npos, told);
    CHECK(told.find("f.yaml:") != std::string::npos);
  }
  CHECK(problem("{image: i, zone: m}", kClient, "Hello").find("'Hello'") != std::string::npos);
  CHECK(problem("{image: i, pods: {n: 1}}", kClient, "client").find("workers") !=
        std::string::npos);
  CHECK(problem("{image: i, pods: {" + long_name + ": 1}}", kClient, "hello-hello-hello")
            .find("more than 63") != std::string::npos);
  CHECK(problem("{image: i, zone: m}", "{application: hello, rate: 1}").find("zone is missing") !=
        std::string::npos);
  CHECK(problem("{image: i, zone: m}", "{application: helo, zone: m, rate: 1}")
            .find("did you mean 'hello'") != std::string::npos);
  CHECK(problem("{image: i, zone: m}", "{application: hello, service: a, zone: m, rate: 1}")
            .find("not of both") != std::string::npos);
  CHECK(problem("{image: i, zone: m}\n    command: x").find("is a process's") != std::string::npos);
}

}  // namespace galileo::plan
