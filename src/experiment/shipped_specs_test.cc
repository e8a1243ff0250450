#include "experiment/shipped_specs.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>

#include "wire/yaml.h"

namespace galileo::experiment {
namespace {

using Json = nlohmann::json;

// The one set of a file of deployment/kubernetes, as a server that adds nothing would have it.
Json shipped(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream(GALILEO_SOURCE_DIR "/deployment/kubernetes/" + file).rdbuf();
  const auto documents = wire::parse_yaml_documents(text.str());
  REQUIRE(documents.has_value());
  for (const wire::YamlNode& document : *documents) {
    Json object = Json::parse(yaml_to_json(document, wire::kubernetes_scalar));
    if (object["kind"] == "DaemonSet" || object["kind"] == "Deployment") return object;
  }
  return {};
}

Json& pod_of(Json& set) {
  return set["spec"]["template"]["spec"];
}

std::string told(const Json& set) {
  const Deviations found = ShippedSpecs().deviations(set);
  return fmt::format("lacks {}; differs {}", fmt::join(found.lacks, ", "),
                     fmt::join(found.differs, ", "));
}

}  // namespace

TEST_CASE("what is shipped doesn't differ from itself, whatever a cluster adds") {
  const ShippedSpecs specs;
  for (const char* const file : {"2-galileo-worker.yaml", "4-telemd.yaml", "5-telemd-gpu.yaml",
                                 "6-loadbalancer.yaml", "7-pod-adapter.yaml"}) {
    CAPTURE(file);
    Json set = shipped(file);
    CHECK(specs.has(set));
    CHECK(told(set) == "lacks ; differs ");
    // Of another zone, with another image, other limits of memory, and what servers fill in.
    set["metadata"]["name"] = "of-zone-x";
    Json& container = pod_of(set)["containers"][0];
    container["image"] = "registry.example/galileo:2";
    container["resources"]["limits"]["memory"] = "1Gi";
    container["terminationMessagePolicy"] = "File";
    pod_of(set)["nodeSelector"]["ether.edgerun.io/zone"] = "zone-x";
    CHECK(specs.has(set));
    CHECK(told(set) == "lacks ; differs ");
  }
  CHECK(specs.release().find('.') != std::string::npos);
}

TEST_CASE("what isn't ours is compared with nothing") {
  const ShippedSpecs specs;
  for (const Json& other : {Json(), Json("x"), Json::array(), Json{{"spec", nullptr}},
                            Json{{"spec", {{"template", {{"spec", {{"containers", "x"}}}}}}}}})
    CHECK(!specs.has(other));
  Json set = shipped("4-telemd.yaml");
  pod_of(set)["containers"][0]["name"] = "node-exporter";
  CHECK(!specs.has(set));
  CHECK(told(set) == "lacks ; differs ");
}

TEST_CASE("what somebody took out or put in is told") {
  struct Case {
    const char* file;
    std::function<void(Json& pod, Json& container)> plant;
    const char* text;
  };
  const Case cases[] = {
      {"4-telemd.yaml", [](auto& pod, auto&) { pod.erase("hostPID"); },
       "lacks hostPID: true; differs "},
      {"4-telemd.yaml", [](auto&, auto& c) { c["volumeMounts"].erase(1); },
       "lacks the mount /sys_host; differs "},
      {"4-telemd.yaml", [](auto& pod, auto&) { pod["volumes"][0]["hostPath"]["path"] = "/proc2"; },
       "lacks the volume proc of the node's /proc; differs "},
      {"4-telemd.yaml", [](auto&, auto& c) { c["securityContext"]["privileged"] = true; },
       "lacks ; differs privileged: true"},
      {"4-telemd.yaml",
       [](auto&, auto& c) { c["securityContext"]["capabilities"]["add"] = {"NET_ADMIN"}; },
       "lacks ; differs the capability NET_ADMIN (not effective: its user is 65534, and none has "
       "it "
       "but root)"},
      {"4-telemd.yaml", [](auto&, auto& c) { c.erase("securityContext"); },
       "lacks ; differs allowPrivilegeEscalation, a root file system that may be written, "
       "capabilities that ours drops"},
      {"6-loadbalancer.yaml", [](auto& pod, auto&) { pod["hostNetwork"] = false; },
       "lacks hostNetwork: true; differs "},
      {"6-loadbalancer.yaml", [](auto& pod, auto&) { pod["dnsPolicy"] = "ClusterFirst"; },
       "lacks dnsPolicy: ClusterFirstWithHostNet; differs "},
      {"6-loadbalancer.yaml", [](auto&, auto& c) { c["env"].erase(2); },
       "lacks the variable eb_go_lb_zone; differs "},
      {"2-galileo-worker.yaml",
       [](auto& pod, auto&) { pod["containers"].push_back({{"name", "istio-proxy"}}); },
       "lacks ; differs a container more: istio-proxy"},
      {"2-galileo-worker.yaml",
       [](auto& pod, auto&) {
         pod["volumes"].push_back({{"name", "x"}, {"hostPath", {{"path", "/etc"}}}});
         pod["hostIPC"] = true;
       },
       "lacks ; differs hostIPC: true, a volume of the node's /etc"},
      {"2-galileo-worker.yaml",
       [](auto& pod, auto& c) {
         pod["securityContext"].erase("runAsNonRoot");
         c.erase("livenessProbe");
       },
       "lacks ; differs it may run as root, no livenessProbe"},
      {"7-pod-adapter.yaml", [](auto& pod, auto&) { pod.erase("serviceAccountName"); },
       "lacks serviceAccountName: telemd-kubernetes-adapter; differs "},
  };
  for (const Case& one : cases) {
    CAPTURE(one.text);
    Json set = shipped(one.file);
    one.plant(pod_of(set), pod_of(set)["containers"][0]);
    CHECK(told(set) == one.text);
  }
}

}  // namespace galileo::experiment
