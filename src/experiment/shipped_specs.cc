#include "experiment/shipped_specs.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>

#include "base/check.h"
#include "kubernetes/objects.h"
#include "pods/fields.h"
#include "wire/yaml.h"

// The files of deployment/kubernetes, one after the other.
extern const char galileo_deployment[];
extern const char galileo_deployment_end[];

namespace galileo::experiment {
namespace {

using Json = nlohmann::json;
using kubernetes::text_at;
using pods::is_true_at;
using pods::value_at;

const Json& pod_of(const Json& set) {
  return value_at(set, {"spec", "template", "spec"});
}

const Json& first_container(const Json& set) {
  static const Json kNone;
  const Json& containers = value_at(pod_of(set), {"containers"});
  return containers.is_array() && !containers.empty() ? containers.front() : kNone;
}

// DaemonSets and Deployments.
std::vector<Json> shipped_sets() {
  const auto documents = wire::parse_yaml_documents(std::string_view(
      galileo_deployment, static_cast<std::size_t>(galileo_deployment_end - galileo_deployment)));
  ENSURE(documents.has_value());
  std::vector<Json> sets;
  for (const wire::YamlNode& document : *documents) {
    Json object = Json::parse(yaml_to_json(document, wire::kubernetes_scalar), nullptr, false);
    if (first_container(object).is_object()) sets.push_back(std::move(object));
  }
  return sets;
}

// The one of a list that has that name; null where none has.
const Json& named(const Json& list, const std::string& name) {
  static const Json kNone;
  if (!list.is_array()) return kNone;
  for (const Json& one : list) {
    if (text_at(one, {"name"}) == name) return one;
  }
  return kNone;
}

std::set<std::string> words_at(const Json& object, pods::Path path) {
  std::set<std::string> words;
  const Json& list = value_at(object, path);
  if (!list.is_array()) return words;
  for (const Json& one : list) {
    if (one.is_string()) words.insert(one.get_ref<const std::string&>());
  }
  return words;
}

bool is_false_at(const Json& object, pods::Path path) {
  const Json& value = value_at(object, path);
  return value.is_boolean() && !value.get<bool>();
}

// The container's own, or its pod's; -1: neither says one.
std::int64_t user_of(const Json& pod, const Json& container) {
  return pods::number_at(container, {"securityContext", "runAsUser"},
                         pods::number_at(pod, {"securityContext", "runAsUser"}, -1));
}

void compare_capabilities(const Json& ours, const Json& pod, const Json& theirs, Deviations& out) {
  const auto wanted = words_at(ours, {"securityContext", "capabilities", "add"});
  const auto added = words_at(theirs, {"securityContext", "capabilities", "add"});
  for (const std::string& one : wanted) {
    if (!added.contains(one)) out.lacks.push_back(fmt::format("the capability {}", one));
  }
  const std::int64_t user = user_of(pod, theirs);
  for (const std::string& one : added) {
    if (wanted.contains(one)) continue;
    out.differs.push_back(user > 0 ? fmt::format("the capability {} (not effective: its user is "
                                                 "{}, and none has it but root)",
                                                 one, user)
                                   : fmt::format("the capability {}", one));
  }
  if (words_at(ours, {"securityContext", "capabilities", "drop"}).contains("ALL") &&
      !words_at(theirs, {"securityContext", "capabilities", "drop"}).contains("ALL"))
    out.differs.emplace_back("capabilities that ours drops");
}

void compare_container(const Json& ours, const Json& pod, const Json& theirs, Deviations& out) {
  for (const Json& mount : value_at(ours, {"volumeMounts"})) {
    const std::string path = text_at(mount, {"mountPath"});
    const Json& there = named(value_at(theirs, {"volumeMounts"}), text_at(mount, {"name"}));
    if (text_at(there, {"mountPath"}) != path) out.lacks.push_back("the mount " + path);
  }
  for (const Json& variable : value_at(ours, {"env"})) {
    const std::string name = text_at(variable, {"name"});
    if (named(value_at(theirs, {"env"}), name).is_null())
      out.lacks.push_back("the variable " + name);
  }
  for (const char* const probe : {"livenessProbe", "readinessProbe"}) {
    if (value_at(ours, {probe}).is_object() && !value_at(theirs, {probe}).is_object())
      out.differs.push_back(fmt::format("no {}", probe));
  }
  if (is_true_at(theirs, {"securityContext", "privileged"}) &&
      !is_true_at(ours, {"securityContext", "privileged"}))
    out.differs.emplace_back("privileged: true");
  constexpr const char* kEscalation = "allowPrivilegeEscalation";
  if (is_false_at(ours, {"securityContext", kEscalation}) &&
      !is_false_at(theirs, {"securityContext", kEscalation}))
    out.differs.emplace_back(kEscalation);
  if (is_true_at(ours, {"securityContext", "readOnlyRootFilesystem"}) &&
      !is_true_at(theirs, {"securityContext", "readOnlyRootFilesystem"}))
    out.differs.emplace_back("a root file system that may be written");
  compare_capabilities(ours, pod, theirs, out);
}

void compare_pod(const Json& ours, const Json& theirs, Deviations& out) {
  for (const char* const shared : {"hostNetwork", "hostPID", "hostIPC"}) {
    if (is_true_at(ours, {shared}) && !is_true_at(theirs, {shared}))
      out.lacks.push_back(fmt::format("{}: true", shared));
    if (!is_true_at(ours, {shared}) && is_true_at(theirs, {shared}))
      out.differs.push_back(fmt::format("{}: true", shared));
  }
  // Without it a pod in its node's network finds no Service by its name.
  constexpr std::string_view kNames = "ClusterFirstWithHostNet";
  if (text_at(ours, {"dnsPolicy"}) == kNames && text_at(theirs, {"dnsPolicy"}) != kNames)
    out.lacks.push_back(fmt::format("dnsPolicy: {}", kNames));
  const std::string account = text_at(ours, {"serviceAccountName"});
  if (!account.empty() && text_at(theirs, {"serviceAccountName"}).empty())
    out.lacks.push_back(fmt::format("serviceAccountName: {}", account));
  if (is_true_at(ours, {"securityContext", "runAsNonRoot"}) &&
      !is_true_at(theirs, {"securityContext", "runAsNonRoot"}))
    out.differs.emplace_back("it may run as root");
  for (const Json& volume : value_at(ours, {"volumes"})) {
    const std::string name = text_at(volume, {"name"});
    const std::string path = text_at(volume, {"hostPath", "path"});
    const Json& there = named(value_at(theirs, {"volumes"}), name);
    if (there.is_null() || (!path.empty() && text_at(there, {"hostPath", "path"}) != path))
      out.lacks.push_back(path.empty() ? fmt::format("the volume {}", name)
                                       : fmt::format("the volume {} of the node's {}", name, path));
  }
  for (const Json& volume : value_at(theirs, {"volumes"})) {
    const std::string path = text_at(volume, {"hostPath", "path"});
    if (!path.empty() && named(value_at(ours, {"volumes"}), text_at(volume, {"name"})).is_null())
      out.differs.push_back(fmt::format("a volume of the node's {}", path));
  }
}

}  // namespace

ShippedSpecs::ShippedSpecs()
    : sets_(std::make_unique<const std::vector<nlohmann::json>>(shipped_sets())) {}
ShippedSpecs::~ShippedSpecs() = default;

const Json* ShippedSpecs::like(const Json& set) const {
  const std::string container = text_at(first_container(set), {"name"});
  const Json* found = nullptr;
  for (const Json& one : *sets_) {
    if (container.empty() || text_at(first_container(one), {"name"}) != container) continue;
    if (!found || kubernetes::name_of(one) == kubernetes::name_of(set)) found = &one;
  }
  return found;
}

bool ShippedSpecs::has(const Json& set) const {
  return like(set) != nullptr;
}

Deviations ShippedSpecs::deviations(const Json& set) const {
  Deviations found;
  const Json* const shipped = like(set);
  if (!shipped) return found;
  const Json& ours = pod_of(*shipped);
  const Json& theirs = pod_of(set);
  compare_pod(ours, theirs, found);
  for (const Json& container : value_at(ours, {"containers"}))
    compare_container(container, theirs,
                      named(value_at(theirs, {"containers"}), text_at(container, {"name"})), found);
  for (const Json& container : value_at(theirs, {"containers"})) {
    const std::string name = text_at(container, {"name"});
    if (named(value_at(ours, {"containers"}), name).is_null())
      found.differs.push_back(fmt::format("a container more: {}", name));
  }
  return found;
}

std::string ShippedSpecs::release() const {
  const std::string image = text_at(first_container(sets_->front()), {"image"});
  return image.substr(image.rfind(':') + 1);
}

}  // namespace galileo::experiment
