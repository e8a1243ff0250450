#include "experiment/setup_findings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "experiment/pod_objects.h"

namespace galileo::experiment {
namespace {

using Level = Finding::Level;

// What deployment/Dockerfile is built for.
const std::set<std::string> kArchitectures{"amd64", "arm64", "arm"};
constexpr const char* kUsualPage = "4096";

std::string about_of(const SeenSet& set) {
  return fmt::format("{} {}", set.kind, set.name);
}

std::string edit(const SeenSet& set) {
  return fmt::format("kubectl edit {}", about_of(set));
}

const SeenNode* node_of(const std::vector<SeenNode>& nodes, const std::string& name) {
  const auto found = std::find_if(nodes.begin(), nodes.end(),
                                  [&](const SeenNode& node) { return node.name == name; });
  return found == nodes.end() ? nullptr : &*found;
}

// ---- images

bool names_a_registry(std::string_view image) {
  const std::string_view first = image.substr(0, image.find('/'));
  return first.size() < image.size() &&
         (first == "localhost" || first.find_first_of(".:") != std::string_view::npos);
}

std::string tag_of(const std::string& full_name) {
  const std::size_t at = full_name.find('@');
  if (at != std::string::npos) return {};
  return full_name.substr(full_name.rfind(':') + 1);
}

// A kubelet's list may be some seconds old: who runs it has it.
bool has_image(const ClusterFacts& cluster, const SeenNode& node, const std::string& full_name) {
  for (const std::string& image : node.images) {
    if (full_image_name(image) == full_name) return true;
  }
  for (const SeenPod& pod : cluster.pods) {
    if (pod.node != node.name) continue;
    for (const SeenContainer& container : pod.containers) {
      if (!container.image_id.empty() && full_image_name(container.image) == full_name) return true;
    }
  }
  return false;
}

void add_absence(const ClusterFacts& cluster, const SeenSet& set, const SeenContainer& container,
                 std::vector<Finding>& findings) {
  if (container.pull_policy == "Always") return;
  const std::string name = full_image_name(container.image);
  std::vector<std::string> without;
  std::size_t wanted = 0;
  for (const SeenNode& node : cluster.nodes) {
    if (!set.is_for(node) || !node.is_ready || node.images.empty()) continue;
    ++wanted;
    if (node.tells_all_images && !has_image(cluster, node, name)) without.push_back(node.name);
  }
  // A Deployment's pod may come onto any of them.
  const bool is_missing = set.kind == "daemonset" ? !without.empty() : without.size() == wanted;
  if (wanted == 0 || !is_missing) return;
  const std::string where = fmt::format("{}", fmt::join(without, ", "));
  if (container.pull_policy == "Never")
    findings.push_back(
        {Level::kFault, about_of(set),
         fmt::format("its image {} isn't on {}, and imagePullPolicy is Never", container.image,
                     where),
         "ctr -n k8s.io images import FILE there, or imagePullPolicy: IfNotPresent"});
  else if (!names_a_registry(container.image))
    findings.push_back({Level::kWarning, about_of(set),
                        fmt::format("its image {} isn't on {}, and names no registry: it would be "
                                    "sought as {}",
                                    container.image, where, name),
                        "give your image's name: images in deployment/kustomize/one-zone"});
}

bool is_release(const std::string& tag) {
  return tag.find('.') != std::string::npos &&
         tag.find_first_not_of("0123456789.") == std::string::npos;
}

void add_image_findings(const ClusterFacts& cluster, std::vector<Finding>& findings) {
  std::map<std::string, std::vector<std::string>> sets_of;  // by image
  for (const SeenSet& set : cluster.sets) {
    for (const SeenContainer& container : set.containers) {
      add_absence(cluster, set, container, findings);
      if (container.name == set.containers.front().name)
        sets_of[full_image_name(container.image)].push_back(set.name);
    }
  }
  for (const auto& [image, sets] : sets_of) {
    const std::string tag = tag_of(image);
    const std::string about = "image " + image;
    if (tag == "latest")
      findings.push_back({Level::kWarning, about,
                          "which release it is changes, and from node to node",
                          fmt::format("name one: {}", cluster.release)});
    else if (is_release(tag) && tag != cluster.release)
      findings.push_back({Level::kWarning, about,
                          fmt::format("this program's deployment files are of {}", cluster.release),
                          "kubectl apply -k of this release's deployment/kustomize"});
  }
  if (sets_of.size() < 2) return;
  std::string text = "they aren't the same everywhere:";
  for (const auto& [image, sets] : sets_of)
    text +=
        fmt::format("{} {} has {}", text.back() == ':' ? "" : ";", fmt::join(sets, ", "), image);
  findings.push_back({Level::kWarning, "images", text, "kubectl apply -k one kustomization"});
}

// One name, several contents: pods of one set aren't the same program.
void add_build_findings(const ClusterFacts& cluster, std::vector<Finding>& findings) {
  std::map<std::pair<std::string, std::string>, std::map<std::string, std::string>> builds;
  for (const SeenPod& pod : cluster.pods) {
    const SeenNode* const node = node_of(cluster.nodes, pod.node);
    for (const SeenContainer& container : pod.containers) {
      if (container.image_id.empty() || !node) continue;
      builds[{full_image_name(container.image), node->architecture}].emplace(container.image_id,
                                                                             pod.node);
    }
  }
  for (const auto& [key, ids] : builds) {
    if (ids.size() < 2) continue;
    std::vector<std::string> nodes;
    for (const auto& [id, node] : ids) nodes.push_back(node);
    findings.push_back(
        {Level::kWarning, "image " + key.first,
         fmt::format("pods run different builds of that name, on {}", fmt::join(nodes, ", ")),
         "give each build a tag of its own"});
  }
}

// ---- specs and limits

std::string limit_text(const std::string& cpu) {
  return fmt::format(
      "a CPU limit of {}: where it is used up the program is held back though cores are idle", cpu);
}

void add_spec_findings(const SeenSet& set, std::vector<Finding>& findings) {
  const std::string about = about_of(set);
  const std::string mend = edit(set) + ": deployment/kubernetes has how it should be";
  if (!set.lacks.empty())
    findings.push_back(
        {Level::kFault, about, fmt::format("it lacks {}", fmt::join(set.lacks, ", ")), mend});
  if (!set.differs.empty())
    findings.push_back({Level::kWarning, about,
                        fmt::format("it isn't as it is shipped: {}", fmt::join(set.differs, ", ")),
                        mend});
  for (const SeenContainer& container : set.containers) {
    if (container.cpu_limit.empty()) continue;
    findings.push_back(
        {Level::kWarning, about,
         fmt::format("its container {} has {}", container.name, limit_text(container.cpu_limit)),
         edit(set) + ": take resources.limits.cpu out"});
  }
}

const SeenContainer* container_of(const SeenSet& set, const std::string& name) {
  const auto found = std::find_if(set.containers.begin(), set.containers.end(),
                                  [&](const SeenContainer& one) { return one.name == name; });
  return found == set.containers.end() ? nullptr : &*found;
}

// What became of its pods on their way through the API server: limits that a LimitRange gives,
// containers that a webhook puts in. Once a set, of its first pod that has it.
void add_admission_findings(const ClusterFacts& cluster, const SeenSet& set,
                            std::vector<Finding>& findings) {
  std::set<std::string> told;
  for (const SeenPod& pod : cluster.pods) {
    if (pod.owner != set.name) continue;
    for (const SeenContainer& container : pod.containers) {
      const SeenContainer* const asked = container_of(set, container.name);
      if (!asked && told.insert(container.name).second)
        findings.push_back(
            {Level::kWarning, "pod " + pod.name,
             fmt::format("a container more than its {} asks for: {}", set.kind, container.name),
             "keep the injector from it: its label or annotation on the namespace or the pods"});
      if (!asked || !asked->cpu_limit.empty() || container.cpu_limit.empty()) continue;
      if (told.insert("limit of " + container.name).second)
        findings.push_back({Level::kWarning, "pod " + pod.name,
                            fmt::format("its container {} was given {}", container.name,
                                        limit_text(container.cpu_limit)),
                            "kubectl get limitrange -o yaml; then delete the pod, its set makes it "
                            "anew"});
    }
  }
}

// ---- where gateways and telemetry may be

void add_port_findings(const ClusterFacts& cluster, std::vector<Finding>& findings) {
  for (const SeenPortHolder& holder : cluster.port_holders)
    findings.push_back(
        {Level::kFault, "node " + holder.node,
         fmt::format("the gateway's port {} is taken by the pod {}", kGatewayPort, holder.pod),
         fmt::format("move that pod, or label another node of the zone {}=true", kGatewayRole)});
}

void add_level_findings(const ClusterFacts& cluster, std::vector<Finding>& findings) {
  const std::string& level = cluster.security_level;
  if (level.empty() || level == "privileged") return;
  const bool is_strict = level == "restricted";
  findings.push_back(
      {Level::kFault, "namespace " + cluster.name_space,
       fmt::format("its pod-security level is {}: gateways and telemetry, which share their node's "
                   "network, can't be made{}",
                   level,
                   is_strict ? "; nor pods of experiments that don't say a security context" : ""),
       fmt::format("kubectl label --overwrite namespace {} "
                   "pod-security.kubernetes.io/enforce=privileged",
                   cluster.name_space)});
}

void add_node_kinds(const ClusterFacts& cluster, std::vector<Finding>& findings) {
  std::map<std::string, std::vector<std::string>> drivers;
  for (const SeenNode& node : cluster.nodes) {
    if (!node.cgroup_driver.empty()) drivers[node.cgroup_driver].push_back(node.name);
    const bool is_wanted = std::any_of(cluster.sets.begin(), cluster.sets.end(), [&](auto& set) {
      return set.kind == "daemonset" && set.is_for(node);
    });
    if (is_wanted && !node.architecture.empty() && !kArchitectures.contains(node.architecture))
      findings.push_back(
          {Level::kWarning, "node " + node.name,
           fmt::format("its processor is {}, which our image isn't built for", node.architecture),
           fmt::format("docker buildx build -f deployment/Dockerfile --platform linux/{}",
                       node.architecture)});
  }
  if (drivers.size() < 2) {
    for (const auto& [driver, nodes] : drivers)
      findings.push_back({Level::kFine, "kubelets", "their cgroup driver is " + driver, ""});
    return;
  }
  std::string text = "their cgroup drivers differ:";
  for (const auto& [driver, nodes] : drivers)
    text +=
        fmt::format("{} {} on {}", text.back() == ':' ? "" : ";", driver, fmt::join(nodes, ", "));
  findings.push_back({Level::kWarning, "kubelets", text,
                      "cgroupDriver in their configuration, as the container runtime's"});
}

// ---- kernels

using Info = std::map<std::string, std::string>;

// Null: its daemon doesn't say.
const std::string* said(const Info& info, const std::string& key) {
  const auto found = info.find(key);
  return found == info.end() ? nullptr : &found->second;
}

bool has_word(const std::string& words, std::string_view word) {
  return fmt::format(" {} ", words).find(fmt::format(" {} ", word)) != std::string::npos;
}

void add_kernel_findings(const std::string& node, const Info& info,
                         std::vector<Finding>& findings) {
  const std::string about = "node " + node;
  const std::string* const cgroup = said(info, "cgroup");
  const std::string* const on = said(info, "cgroup_controllers");
  if (cgroup && cgroup->empty())
    findings.push_back({Level::kFault, about,
                        "its telemetry daemon can read no control group: nothing of containers",
                        "give it the node's /sys, as deployment/kubernetes/4-telemd.yaml does"});
  else if (on && !on->empty() && !has_word(*on, "memory"))
    findings.push_back(
        {Level::kFault, about,
         "its kernel's memory control group is off: no limit holds, and no container's memory is "
         "known",
         "cgroup_enable=memory cgroup_memory=1 in /boot/firmware/cmdline.txt, and boot it"});
  const std::string* const page = said(info, "page_size");
  if (page && *page != kUsualPage)
    findings.push_back({Level::kWarning, about,
                        fmt::format("its pages of memory have {} bytes: programs that are built "
                                    "for 4096, as some of Redis, don't start",
                                    *page),
                        "a kernel of 4 KiB pages: kernel=kernel8.img in a Raspberry Pi's "
                        "config.txt"});
}

// "/kubepods-of/x/" as "kubepods-of/x".
std::string_view bare(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

}  // namespace

bool SeenSet::is_for(const SeenNode& node) const {
  return std::all_of(node_labels.begin(), node_labels.end(), [&](const auto& label) {
    const auto found = node.labels.find(label.first);
    return found != node.labels.end() && found->second == label.second;
  });
}

std::string full_image_name(std::string_view image) {
  std::string name(image);
  if (!names_a_registry(image))
    name = (image.find('/') == std::string_view::npos ? "docker.io/library/" : "docker.io/") + name;
  const std::size_t digest = name.find('@');
  const std::size_t slash = name.rfind('/', digest);
  const std::size_t colon = name.find(':', slash);
  const bool has_tag =
      colon != std::string::npos && (digest == std::string::npos || colon < digest);
  if (digest != std::string::npos) {
    // The digest alone says which it is.
    if (has_tag) name.erase(colon, digest - colon);
    return name;
  }
  return has_tag ? name : name + ":latest";
}

std::string mend_of_trouble(const SeenPod& pod, const std::vector<SeenNode>& nodes) {
  const auto says = [&](std::string_view words) {
    return pod.trouble.find(words) != std::string::npos;
  };
  if (says("exec format error")) {
    const SeenNode* const node = node_of(nodes, pod.node);
    return fmt::format(
        "its image is of another processor than its node's{}: docker buildx build "
        "--platform linux/amd64,linux/arm64,linux/arm/v7",
        node ? " " + node->architecture : "");
  }
  if (says("ddress already in use"))
    return fmt::format("ss -ltnp on {} says who has the port", pod.node);
  return fmt::format("kubectl describe pod {}", pod.name);
}

std::vector<Finding> findings_of_setup(const ClusterFacts& cluster) {
  std::vector<Finding> findings;
  add_image_findings(cluster, findings);
  add_build_findings(cluster, findings);
  for (const SeenSet& set : cluster.sets) {
    add_spec_findings(set, findings);
    add_admission_findings(cluster, set, findings);
  }
  for (const auto& [name, cpu] : cluster.cpu_defaults)
    findings.push_back({Level::kWarning, "limitrange " + name,
                        fmt::format("it gives each container that has none {}", limit_text(cpu)),
                        fmt::format("kubectl edit limitrange {}: take default.cpu out", name)});
  add_port_findings(cluster, findings);
  add_level_findings(cluster, findings);
  add_node_kinds(cluster, findings);
  if (!cluster.unseen.empty())
    findings.push_back({Level::kFine, "rights",
                        fmt::format("not looked at: {}", fmt::join(cluster.unseen, "; ")), ""});
  return findings;
}

std::vector<Finding> findings_of_kernels(const BusFacts& bus) {
  std::vector<Finding> findings;
  std::map<std::string, std::vector<std::string>> versions;
  for (const auto& [node, info] : bus.nodes) {
    add_kernel_findings(node, info, findings);
    const std::string* const cgroup = said(info, "cgroup");
    if (cgroup && !cgroup->empty()) versions[*cgroup].push_back(node);
  }
  if (versions.size() == 1)
    findings.push_back({Level::kFine, "control groups", versions.begin()->first, ""});
  if (versions.size() < 2) return findings;
  std::string text = "nodes have different ones:";
  for (const auto& [version, nodes] : versions)
    text +=
        fmt::format("{} {} on {}", text.back() == ':' ? "" : ";", version, fmt::join(nodes, ", "));
  findings.push_back({Level::kWarning, "control groups",
                      text + "; out of memory v1 kills a process, v2 all of the container",
                      "one system on all nodes whose results are compared"});
  return findings;
}

std::vector<Finding> findings_of_kernels(const ClusterFacts& cluster, const BusFacts& bus) {
  std::vector<Finding> findings;
  for (const SeenNode& node : cluster.nodes) {
    const auto info = bus.nodes.find(node.name);
    const std::string* const looked =
        info == bus.nodes.end() ? nullptr : said(info->second, "cgroup_root");
    const std::string_view root = bare(node.cgroup_root);
    // Below "kubelet…" the daemon looks of itself.
    if (!looked || root.empty() || root.starts_with("kubelet") || bare(*looked) == root) continue;
    findings.push_back(
        {Level::kWarning, "node " + node.name,
         fmt::format("its kubelet keeps containers below /{}, where its telemetry daemon doesn't "
                     "look",
                     root),
         fmt::format("telemd_cgroup_root: /{} in the ConfigMap telemd-config", root)});
  }
  return findings;
}

}  // namespace galileo::experiment
