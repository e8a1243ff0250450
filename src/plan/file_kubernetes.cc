#include "plan/file_kubernetes.h"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

#include "base/text.h"
#include "kubernetes/names.h"
#include "kubernetes/quantity.h"
#include "plan/file_applications.h"
#include "plan/file_manifests.h"
#include "wire/yaml.h"

namespace galileo::plan {
namespace {

constexpr std::uint64_t kPodsMax = 10'000;
constexpr std::uint64_t kPortMax = 65'535;
constexpr Duration kKeepMax = std::chrono::hours{7 * 24};

// What stands between an application's name and a pod's number: "-deployment-<node>-".
std::size_t longest_pod_name(const std::string& name, const std::string& node) {
  return name.size() + std::string_view("-deployment-").size() + node.size() + 5;
}

void check_name(const Fields& fields, std::string_view key, const std::string& name) {
  if (const std::string why = kubernetes::unfit_dns_label(name); !why.empty())
    fields.problems().add(fields.place(key),
                          fmt::format("{}: '{}' {}", fields.where(key), name, why));
}

// It is in the names of pods, of their Deployment and its pods, and a label.
void check_application_name(const Fields& fields, const std::string& name) {
  const std::string why = kubernetes::unfit_dns_label(name);
  if (!why.empty() && !name.empty())
    fields.problems().add(
        fields.place(),
        fmt::format("the application's name is in those of its pods: '{}' {}", name, why));
  if (name == "client")
    fields.problems().add(fields.place(), "an application that is pods can't be called client",
                          "the pods of workers are");
  constexpr std::size_t kOfReplicaSet = 17;  // "-<10 characters>-<5 characters>"
  if (longest_pod_name(name, "") + kOfReplicaSet > kubernetes::kLabelMax)
    fields.problems().add(
        fields.place(),
        fmt::format("the pods of '{}' would have names of more than {} characters", name,
                    kubernetes::kLabelMax),
        "shorten the application's name");
}

void read_placement(const Fields& fields, const std::string& name, Pods& pods) {
  const wire::YamlNode* const node = fields.find("pods");
  if (!node || node->kind == wire::YamlNode::Kind::kScalar) {
    pods.count = static_cast<std::uint32_t>(fields.count("pods", 1, kPodsMax).value_or(1));
    return;
  }
  if (node->kind != wire::YamlNode::Kind::kMap)
    return fields.wrong_type(*node, "pods", "a number, or a map of nodes to numbers");
  for (std::size_t i = 0; i < node->keys.size(); ++i) {
    const auto& [host, place] = node->keys[i];
    const auto count = node->items[i].kind == wire::YamlNode::Kind::kScalar
                           ? parse_integer(node->items[i].scalar)
                           : std::nullopt;
    if (!count || *count < 1 || *count > static_cast<std::int64_t>(kPodsMax)) {
      fields.problems().add(
          node->items[i].place,
          fmt::format("{}.{} must be a number of pods from 1 to {}, not {}", fields.where("pods"),
                      host, kPodsMax, wire::kind_text(node->items[i])));
      continue;
    }
    if (const std::string why = kubernetes::unfit_object_name(host); !why.empty())
      fields.problems().add(place, fmt::format("{}: '{}' {}", fields.where("pods"), host, why));
    if (longest_pod_name(name, host) > kubernetes::kLabelMax)
      fields.problems().add(
          place,
          fmt::format("the pods of '{}' on {} would have names of more than {} characters", name,
                      host, kubernetes::kLabelMax),
          "shorten the application's name");
    pods.on_nodes.emplace_back(host, static_cast<std::uint32_t>(*count));
  }
  if (node->keys.empty())
    fields.problems().add(node->place, fields.where("pods") + " names no node",
                          "write pods: {node1: 2}, or pods: 2 for a scheduler to place");
}

Pods::Texts read_quantities(const Fields& fields, std::string_view key) {
  const auto unfit = [](const std::string& name) -> std::optional<std::string> {
    const std::string why = kubernetes::unfit_label_key(name);
    return why.empty() ? std::nullopt : std::optional(fmt::format("'{}' {}", name, why));
  };
  Pods::Texts quantities = read_texts(fields, key, "a map of resources to quantities", unfit);
  for (const auto& [resource, quantity] : quantities) {
    if (const auto parsed = kubernetes::parse_quantity(quantity); !parsed.ok())
      fields.problems().add(fields.place(key), fmt::format("{}.{}", fields.where(key), resource),
                            parsed.error());
  }
  return quantities;
}

// A map of the user's that goes into the object as it is.
std::string read_object(const Fields& fields, std::string_view key) {
  const wire::YamlNode* const node = fields.find(key);
  if (!node) return "{}";
  if (node->kind != wire::YamlNode::Kind::kMap) {
    fields.wrong_type(*node, key, "a map");
    return "{}";
  }
  return wire::yaml_to_json(*node, wire::kubernetes_scalar);
}

// What we say ourselves can't be said a second time.
void refuse_keys(const Fields& fields, std::string_view key, const std::vector<std::string>& ours,
                 std::string_view hint) {
  const wire::YamlNode* const node = fields.find(key);
  if (!node || node->kind != wire::YamlNode::Kind::kMap) return;
  for (const wire::YamlKey& said : node->keys) {
    if (std::find(ours.begin(), ours.end(), said.text) != ours.end())
      fields.problems().add(
          said.place, fmt::format("{}.{} is Galileo's to say", fields.where(key), said.text), hint);
  }
}

bool names_metrics(const Fields& scale) {
  const wire::YamlNode* const spec = scale.find("spec");
  return spec && std::any_of(spec->keys.begin(), spec->keys.end(),
                             [](const wire::YamlKey& key) { return key.text == "metrics"; });
}

void read_autoscale(const Fields& fields, Pods& pods) {
  const wire::YamlNode* const node = fields.find("autoscale");
  if (!node) return;
  const Fields scale(fields.problems(), *node, fields.where("autoscale"), MapKind::autoscale);
  Autoscale autoscale;
  autoscale.fewest = static_cast<std::uint32_t>(scale.count("min", 1, kPodsMax).value_or(1));
  if (!scale.has("max")) scale.missing("max", "write autoscale: {min: 1, max: 5, cpu: 80}");
  autoscale.most =
      static_cast<std::uint32_t>(scale.count("max", 1, kPodsMax).value_or(autoscale.fewest));
  autoscale.spec_json = read_object(scale, "spec");
  refuse_keys(scale, "spec", {"scaleTargetRef", "minReplicas", "maxReplicas"},
              "its own keys stand beside 'spec'");
  // Where other metrics are named, CPU is one of them only if it is, too.
  const std::uint32_t unasked = names_metrics(scale) ? 0 : autoscale.cpu_pct;
  autoscale.cpu_pct = static_cast<std::uint32_t>(scale.count("cpu", 1, 10'000).value_or(unasked));
  if (autoscale.most < autoscale.fewest)
    scale.problems().add(scale.place("max"), scale.where("max") + " is below min");
  const bool requests_cpu = std::any_of(pods.requests.begin(), pods.requests.end(),
                                        [](const auto& one) { return one.first == "cpu"; });
  if (autoscale.cpu_pct > 0 && !requests_cpu)
    fields.problems().add(
        node->place,
        "an autoscaler needs to know what CPU a pod requests: without it, it does "
        "nothing",
        "write requests: {cpu: 500m}");
  pods.autoscale = autoscale;
  pods.is_deployment = true;
}

void check_placement(const Fields& fields, const Pods& pods) {
  if (!pods.on_nodes.empty()) {
    if (pods.is_deployment)
      fields.problems().add(fields.place("pods"),
                            "pods that are pinned to nodes can't be a Deployment's",
                            "write pods: N, and say where by spec: {nodeSelector: ...}");
    return;
  }
  if (pods.zone.empty())
    fields.missing("zone", "pods that a scheduler places are of one zone: zone: main");
}

// The manifests say what the pods are: here, how many of them are waited for.
void read_given(const Fields& fields, Pods& pods) {
  for (const char* key : {"image", "zone", "command", "arguments", "environment", "requests",
                          "limits", "container", "spec", "deployment", "autoscale"}) {
    if (fields.has(key))
      fields.problems().add(fields.place(key),
                            fmt::format("{} is the manifest's to say", fields.where(key)),
                            "leave it out, or leave from_manifests out");
  }
  pods.count = static_cast<std::uint32_t>(fields.count("pods", 1, kPodsMax).value_or(1));
  pods.port = static_cast<std::uint16_t>(fields.count("port", 1, kPortMax).value_or(pods.port));
}

// Somebody scales what runs: pods come and go, and one more or less is what it is about.
bool has_scalers(const Plan& plan) {
  const bool scales = std::any_of(
      plan.applications.begin(), plan.applications.end(), [](const Application& application) {
        return application.is_beside || (application.pods && application.pods->autoscale);
      });
  return scales || std::any_of(plan.cluster->manifests.begin(), plan.cluster->manifests.end(),
                               [](const Manifest& manifest) {
                                 return manifest.kind == "HorizontalPodAutoscaler" ||
                                        manifest.kind == "ScaledObject";
                               });
}

bool has_faults(const Plan& plan) {
  using Kind = ChangeCluster::Kind;
  for (const Phase& phase : plan.phases) {
    for (const Action& action : phase.actions) {
      const auto* const change = std::get_if<ChangeCluster>(&action.what);
      if (change && (change->kind == Kind::kNetem || change->kind == Kind::kStress ||
                     change->kind == Kind::kResize))
        return true;
    }
  }
  return false;
}

}  // namespace

OnPodFailure usual_on_pod_failure(const Plan& plan) {
  return has_scalers(plan) || has_faults(plan) ? OnPodFailure::kRecord : OnPodFailure::kEnd;
}

Pods read_pods(Problems& problems, const wire::YamlNode& node, const std::string& where,
               const std::string& name) {
  const Fields fields(problems, node, where, MapKind::pods);
  Pods pods;
  check_application_name(fields, name);
  pods.from_manifests = fields.boolean("from_manifests").value_or(false);
  if (pods.from_manifests) {
    read_given(fields, pods);
    return pods;
  }
  pods.image = fields.required("image");
  if (pods.image.find_first_of(" \t\n") != std::string::npos)
    problems.add(fields.place("image"), fields.where("image") + " has blanks in it");
  read_placement(fields, name, pods);
  pods.zone = fields.text("zone").value_or("");
  if (!pods.zone.empty()) check_name(fields, "zone", pods.zone);
  pods.port = static_cast<std::uint16_t>(fields.count("port", 1, kPortMax).value_or(pods.port));
  if (const auto words = fields.words("command")) pods.command = *words;
  if (const auto words = fields.words("arguments")) pods.arguments = *words;
  pods.environment = read_variables(fields);
  pods.requests = read_quantities(fields, "requests");
  pods.limits = read_quantities(fields, "limits");
  pods.container_json = read_object(fields, "container");
  refuse_keys(fields, "container", {"name", "image", "command", "args", "resources"},
              "its own keys stand beside 'container'");
  pods.spec_json = read_object(fields, "spec");
  refuse_keys(fields, "spec", {"containers", "nodeName"}, "its own keys stand beside 'spec'");
  pods.is_deployment = fields.boolean("deployment").value_or(false);
  read_autoscale(fields, pods);
  check_placement(fields, pods);
  return pods;
}

Cluster read_cluster(const Fields& file, const FileOptions& options) {
  Cluster cluster;
  const wire::YamlNode* const node = file.find("kubernetes");
  if (!node) return cluster;
  const Fields fields(file.problems(), *node, "kubernetes", MapKind::cluster);
  cluster.kubeconfig = fields.text("kubeconfig").value_or("");
  cluster.context = fields.text("context").value_or("");
  cluster.name_space = fields.text("namespace").value_or("");
  if (!cluster.name_space.empty()) check_name(fields, "namespace", cluster.name_space);
  cluster.etcd = fields.words("etcd").value_or(cluster.etcd);
  cluster.on_pod_failure = fields.choice("on_pod_failure", {"end", "record"}) == "record"
                               ? OnPodFailure::kRecord
                               : OnPodFailure::kEnd;
  cluster.unschedulable_within =
      fields.duration("unschedulable_within").value_or(cluster.unschedulable_within);
  cluster.keep = fields.duration("keep").value_or(cluster.keep);
  if (cluster.keep > kKeepMax)
    file.problems().add(fields.place("keep"),
                        fmt::format("{} is longer than a week", fields.where("keep")));
  const auto weights = fields.choice("weights", {"follow", "once", "none"});
  if (weights == "once") cluster.weights = WhoWeighs::kOnce;
  if (weights == "none") cluster.weights = WhoWeighs::kNone;
  cluster.manifests = read_given_manifests(fields, options);
  return cluster;
}

}  // namespace galileo::plan
