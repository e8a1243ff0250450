#include "experiment/pod_objects.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "experiment/zone_weights.h"

namespace galileo::experiment {
namespace {

using Json = nlohmann::json;

plan::Application application(const std::string& name, plan::Pods pods) {
  plan::Application one;
  one.name = name;
  pods.image = "image:1";
  one.pods = std::move(pods);
  return one;
}

plan::Pods pinned(std::vector<std::pair<std::string, std::uint32_t>> nodes) {
  plan::Pods pods;
  pods.on_nodes = std::move(nodes);
  return pods;
}

plan::Pods free(std::uint32_t count) {
  plan::Pods pods;
  pods.count = count;
  pods.zone = "zone-b";
  return pods;
}

ClusterView two_zones() {
  ClusterView view;
  view.nodes["node1"] = {"zone-a", "host1"};
  view.nodes["node2"] = {"zone-b", "host2"};
  view.nodes["bare"] = {"", "bare"};
  view.gateways = {{"zone-a", "10.0.0.1"}, {"zone-b", "10.0.0.2"}};
  return view;
}

plan::Plan plan_of(std::vector<plan::Application> applications) {
  plan::Plan plan;
  plan.applications = std::move(applications);
  return plan;
}

Arrangement arranged(const plan::Plan& plan, const ClusterView& view = two_zones()) {
  auto arrangement = arrange(plan, "202611300800-abcd", view);
  REQUIRE(arrangement.ok());
  return std::move(*arrangement);
}

Json body_of(const Arrangement& arrangement, std::size_t index) {
  return Json::parse(arrangement.objects.at(index).json);
}

std::string refused(const plan::Plan& plan, const ClusterView& view = two_zones()) {
  const auto arrangement = arrange(plan, "id", view);
  return arrangement.ok() ? "" : arrangement.error().to_text();
}

}  // namespace

TEST_CASE("pinned pods are named, labelled and placed as the experiment library does it") {
  plan::Pods pods = pinned({{"node1", 2}, {"node2", 1}});
  pods.environment = {{"NODE", "x"}};
  pods.requests = {{"cpu", "500m"}};
  const Arrangement arrangement = arranged(plan_of({application("hello", pods)}));
  REQUIRE(arrangement.objects.size() == 3);
  const Json pod = body_of(arrangement, 1);
  CHECK(arrangement.objects[1].name == "hello-deployment-node1-1");
  CHECK(pod["metadata"]["labels"] == Json{{"ether.edgerun.io/function", "hello"},
                                          {"ether.edgerun.io/zone", "zone-a"},
                                          {"ether.edgerun.io/type", "fn"},
                                          {"type", "fn"},
                                          {"galileo.edgerun.io/experiment", "202611300800-abcd"}});
  CHECK(pod["spec"]["nodeSelector"] == Json{{"kubernetes.io/hostname", "host1"}});
  const Json& container = pod["spec"]["containers"][0];
  CHECK(container["name"] == "hello-deployment-node1-1");
  CHECK(container["env"] == Json::parse(R"([{"name": "NODE", "value": "x"},
                                            {"name": "API_GATEWAY", "value": "10.0.0.1"}])"));
  CHECK(container["resources"] == Json::parse(R"({"requests": {"cpu": "500m"}})"));
  CHECK(pod["spec"]["volumes"][0]["name"] == "podinfo");
  CHECK_FALSE(pod["spec"].contains("restartPolicy"));
  const Json other = body_of(arrangement, 2);
  CHECK(other["metadata"]["labels"]["ether.edgerun.io/zone"] == "zone-b");
  CHECK(other["spec"]["containers"][0]["env"][1]["value"] == "10.0.0.2");
  REQUIRE(arrangement.groups.size() == 2);
  CHECK(arrangement.groups[0].count == 2);
  CHECK(arrangement.groups[1].zone == "zone-b");
}

TEST_CASE("what the user adds goes beside what is said, and never instead of it") {
  plan::Pods pods = pinned({{"node1", 1}});
  pods.spec_json = R"({"tolerations": [{"operator": "Exists"}], "nodeSelector": {"disk": "ssd"},
                       "volumes": [{"name": "own"}]})";
  pods.container_json = R"({"env": [{"name": "MORE", "value": "1"}], "imagePullPolicy": "Never"})";
  const Json pod = body_of(arranged(plan_of({application("hello", pods)})), 0);
  CHECK(pod["spec"]["nodeSelector"] == Json{{"disk", "ssd"}, {"kubernetes.io/hostname", "host1"}});
  CHECK(pod["spec"]["tolerations"].size() == 1);
  CHECK(pod["spec"]["volumes"].size() == 2);
  CHECK(pod["spec"]["containers"][0]["env"].size() == 2);
  CHECK(pod["spec"]["containers"][0]["imagePullPolicy"] == "Never");
  pods.spec_json = R"({"nodeSelector": {"kubernetes.io/hostname": "other"}})";
  CHECK(refused(plan_of({application("hello", pods)})).find("is Galileo's to say") !=
        std::string::npos);
}

TEST_CASE("pods that a scheduler places are pods, or a Deployment with its autoscaler") {
  const Arrangement loose = arranged(plan_of({application("hello", free(2))}));
  REQUIRE(loose.objects.size() == 2);
  CHECK(loose.objects[1].name == "hello-deployment-1");
  CHECK_FALSE(body_of(loose, 1)["spec"].contains("nodeSelector"));

  plan::Pods pods = free(3);
  pods.is_deployment = true;
  const Arrangement kept = arranged(plan_of({application("hello", pods)}));
  REQUIRE(kept.objects.size() == 1);
  CHECK(body_of(kept, 0)["kind"] == "Deployment");
  CHECK(body_of(kept, 0)["spec"]["replicas"] == 3);
  CHECK(kept.groups[0].count == 3);
  const Json selector = body_of(kept, 0)["spec"]["selector"]["matchLabels"];
  const Json labels = body_of(kept, 0)["spec"]["template"]["metadata"]["labels"];
  for (const auto& [key, value] : selector.items()) CHECK(labels[key] == value);

  pods.autoscale = plan::Autoscale{2, 5, 70, R"({"metrics": [{"type": "Pods"}], "behavior": {}})"};
  const Arrangement scaled = arranged(plan_of({application("hello", pods)}));
  REQUIRE(scaled.objects.size() == 2);
  const Json scaler = body_of(scaled, 1);
  CHECK(scaler["kind"] == "HorizontalPodAutoscaler");
  CHECK(scaler["spec"]["scaleTargetRef"]["name"] == scaled.objects[0].name);
  CHECK(scaler["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 70);
  CHECK(scaler["spec"]["metrics"][1]["type"] == "Pods");
  CHECK(scaler["spec"].contains("behavior"));
  CHECK(scaled.groups[0].count == 2);
  pods.autoscale->cpu_pct = 0;
  CHECK(body_of(arranged(plan_of({application("hello", pods)})), 1)["spec"]["metrics"].size() == 1);
}

TEST_CASE("nodes, zones and gateways that aren't there are told with those that are") {
  CHECK(refused(plan_of({application("a", pinned({{"node3", 1}}))})).find("no node 'node3'") !=
        std::string::npos);
  CHECK(refused(plan_of({application("a", pinned({{"bare", 1}}))})).find("is of no zone") !=
        std::string::npos);
  ClusterView one = two_zones();
  one.gateways.pop_back();
  CHECK(refused(plan_of({application("a", pinned({{"node2", 1}}))}), one)
            .find("zone 'zone-b' has no gateway") != std::string::npos);
  plan::Plan plan = plan_of({application("a", pinned({{"node1", 1}}))});
  plan.services.emplace_back();
  plan.services.back().name = "a-zone-x";
  CHECK(refused(plan).find("no gateway serves 'a-zone-x'") != std::string::npos);
}

TEST_CASE("each function has a route in each zone that has a gateway") {
  const auto routes = routes_of(
      plan_of({application("a", pinned({{"node1", 1}})), application("b", free(1))}), two_zones());
  std::vector<std::string> texts;
  for (const load::ServiceSpec& route : routes)
    texts.push_back(route.name + " " + route.hosts.at(0).first);
  CHECK(texts == std::vector<std::string>{"a-zone-a 10.0.0.1:8080", "a-zone-b 10.0.0.2:8080",
                                          "b-zone-a 10.0.0.1:8080", "b-zone-b 10.0.0.2:8080"});
}

TEST_CASE("a gateway's zone is its label, its variable, its node's label, or in its name") {
  const ClusterView view = two_zones();
  const auto zone_of = [&](const char* json) { return read_gateway(Json::parse(json), view).zone; };
  CHECK(zone_of(R"({"metadata": {"name": "g", "labels": {"ether.edgerun.io/zone": "z"}},
      "spec": {"nodeName": "node1", "containers": [{"env": [{"name": "eb_go_lb_zone", "value": "v"}]}]}})") ==
        "z");
  CHECK(zone_of(R"({"metadata": {"name": "g"}, "spec": {"nodeName": "node1",
      "containers": [{"env": [{"name": "x"}, {"name": "eb_go_lb_zone", "value": "v"}]}]}})") ==
        "v");
  CHECK(zone_of(R"({"metadata": {"name": "g"}, "spec": {"nodeName": "node1"}})") == "zone-a");
  CHECK(zone_of(R"({"metadata": {"name": "go-load-balancer-deployment-zone-b-xwg9c"},
      "spec": {"nodeName": "bare"}})") == "zone-b");
  CHECK(zone_of(R"({"metadata": {"name": "go-load-balancer-deployment-main-xwg9c"}})").empty());
}

TEST_CASE("a zone's gateway gets its own pods, and the gateways of zones that have some") {
  const std::vector<ReadyPod> pods{{"a", "zone-a", "10.1.0.2:8080"},
                                   {"a", "zone-a", "10.1.0.1:8080"},
                                   {"b", "zone-a", "10.1.0.3:8080"},
                                   {"b", "zone-b", "10.2.0.1:8080"}};
  const auto weights = zone_weights({"a", "b", "c"}, pods, two_zones());
  const auto json = [&](const char* function, const char* zone) {
    return gateway::targets_json(weights.at({function, zone}));
  };
  CHECK(json("a", "zone-a") == R"({"ips":["10.1.0.1:8080","10.1.0.2:8080"],"weights":[1,1]})");
  CHECK(json("a", "zone-b") == R"({"ips":["10.0.0.1:8080"],"weights":[1]})");
  CHECK(json("b", "zone-a") == R"({"ips":["10.1.0.3:8080","10.0.0.2:8080"],"weights":[1,1]})");
  CHECK(json("b", "zone-b") == R"({"ips":["10.2.0.1:8080","10.0.0.1:8080"],"weights":[1,1]})");
  CHECK(json("c", "zone-a") == R"({"ips":[],"weights":[]})");
  CHECK(weights_key({"a", "zone-b"}) == "golb/function/zone-b/a");
}

}  // namespace galileo::experiment
