#include "experiment/given_objects.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <tuple>

#include "base/text.h"
#include "kubernetes/objects.h"
#include "kubernetes/paths.h"
#include "pods/fields.h"

namespace galileo::experiment {
namespace {

using Json = nlohmann::json;

// What others need comes before them; custom resources when who looks after them is there, and what
// would be asked about all others at last.
struct Turn {
  std::string_view kind;
  int turn;
};
constexpr int kNamespaces = 0;
constexpr int kOthers = 6;
constexpr int kLast = 7;
constexpr Turn kTurns[] = {{"Namespace", kNamespaces},
                           {"CustomResourceDefinition", kDefinitionTurn},
                           {"ServiceAccount", 2},
                           {"ClusterRole", 2},
                           {"ClusterRoleBinding", 2},
                           {"Role", 2},
                           {"RoleBinding", 2},
                           {"PriorityClass", 2},
                           {"RuntimeClass", 2},
                           {"StorageClass", 2},
                           {"IngressClass", 2},
                           {"ResourceQuota", 2},
                           {"LimitRange", 2},
                           {"NetworkPolicy", 2},
                           {"PodDisruptionBudget", 2},
                           {"ConfigMap", 3},
                           {"Secret", 3},
                           {"PersistentVolume", 3},
                           {"PersistentVolumeClaim", 3},
                           {"Service", 4},
                           {"Endpoints", 4},
                           {"EndpointSlice", 4},
                           {"Ingress", 4},
                           {"Pod", kWorkloadTurn},
                           {"ReplicationController", kWorkloadTurn},
                           {"ReplicaSet", kWorkloadTurn},
                           {"Deployment", kWorkloadTurn},
                           {"StatefulSet", kWorkloadTurn},
                           {"DaemonSet", kWorkloadTurn},
                           {"Job", kWorkloadTurn},
                           {"CronJob", kWorkloadTurn},
                           {"APIService", kLast},
                           {"MutatingWebhookConfiguration", kLast},
                           {"ValidatingWebhookConfiguration", kLast},
                           {"ValidatingAdmissionPolicyBinding", kLast}};

int turn_of(const std::string& kind) {
  for (const Turn& turn : kTurns) {
    if (turn.kind == kind) return turn.turn;
  }
  return kOthers;
}

// The map there, made where there is none; null where something else is in the way.
Json* map_at(Json& object, std::initializer_list<const char*> keys) {
  Json* at = &object;
  for (const char* key : keys) {
    if (at->is_null()) *at = Json::object();
    if (!at->is_object()) return nullptr;
    at = &(*at)[key];
  }
  if (at->is_null()) *at = Json::object();
  return at->is_object() ? at : nullptr;
}

// On the object and on what it makes, so that all of it is found.
void add_label(Json& object, const std::string& kind, const std::string& id) {
  const auto add = [&](Json& to) {
    if (Json* const labels = map_at(to, {"metadata", "labels"})) (*labels)[kExperimentLabel] = id;
  };
  add(object);
  if (kind == "CronJob") {
    if (Json* const job = map_at(object, {"spec", "jobTemplate"})) {
      add(*job);
      if (Json* const pods = map_at(*job, {"spec", "template"})) add(*pods);
    }
    return;
  }
  if (turn_of(kind) != kWorkloadTurn || kind == "Pod") return;
  if (Json* const pods = map_at(object, {"spec", "template"})) add(*pods);
  const auto claims = object["spec"].find("volumeClaimTemplates");
  if (claims == object["spec"].end() || !claims->is_array()) return;
  for (Json& claim : *claims) {
    if (claim.is_object()) add(claim);
  }
}

std::string scaled_key(const std::string& name_space, const std::string& kind,
                       const std::string& name) {
  return fmt::format("{}/{}/{}", name_space, kind, name);
}

// Who says how many pods there are, where that isn't the manifest: autoscalers, those of KEDA too.
std::set<std::string> scaled_by_others(const std::vector<plan::Manifest>& manifests,
                                       const std::string& name_space) {
  std::set<std::string> scaled;
  for (const plan::Manifest& manifest : manifests) {
    if (manifest.kind != "HorizontalPodAutoscaler" && manifest.kind != "ScaledObject") continue;
    const Json json = Json::parse(manifest.json, nullptr, false);
    std::string kind = kubernetes::text_at(json, {"spec", "scaleTargetRef", "kind"});
    if (kind.empty()) kind = "Deployment";
    scaled.insert(scaled_key(manifest.name_space.empty() ? name_space : manifest.name_space, kind,
                             kubernetes::text_at(json, {"spec", "scaleTargetRef", "name"})));
  }
  return scaled;
}

Error unknown_kind(const plan::Manifest& manifest, const KnownKinds& kinds) {
  std::vector<std::string> known;
  for (const auto& [key, resource] : kinds) known.push_back(key);
  return Error{
      ErrorCode::kUsage,
      fmt::format("the cluster knows no kind '{}' of {}", manifest.kind, manifest.group_version),
      manifest.where(),
      {},
      hint_for_unknown(kind_key(manifest.group_version, manifest.kind), known)};
}

// So many of them are there and ready, as the server has counted after the last change.
GivenState counted(const Json& object, std::int64_t wanted, const char* key) {
  const bool is_old = pods::number_at(object, {"status", "observedGeneration"}) <
                      pods::number_at(object, {"metadata", "generation"});
  const std::int64_t ready = is_old ? 0 : pods::number_at(object, {"status", key});
  return {!is_old && ready >= wanted, fmt::format("{} of {} ready", ready, wanted), {}};
}

const Json* condition_of(const Json& object, std::string_view type, std::string_view status) {
  for (const Json& condition : pods::value_at(object, {"status", "conditions"})) {
    if (kubernetes::text_at(condition, {"type"}) == type &&
        kubernetes::text_at(condition, {"status"}) == status)
      return &condition;
  }
  return nullptr;
}

std::string told_by(const Json& condition) {
  const std::string text = kubernetes::in_one_line(kubernetes::text_at(condition, {"message"}));
  const std::string reason = kubernetes::text_at(condition, {"reason"});
  return text.empty() ? reason : fmt::format("{}: {}", reason, text);
}

void note_failure(const Json& object, std::string_view type, std::string_view status,
                  GivenState& state) {
  const Json* const condition = condition_of(object, type, status);
  if (!condition || passes(told_by(*condition))) return;
  state.is_ready = false;
  state.failure = told_by(*condition);
}

}  // namespace

std::string GivenObject::path() const {
  return kubernetes::object_path(
      kubernetes::collection(object.group_version, name_space, object.plural), object.name);
}

std::string kind_key(const std::string& group_version, const std::string& kind) {
  return fmt::format("{}/{}", group_version, kind);
}

void note_kinds(const Json& list, KnownKinds& kinds) {
  const std::string group_version = kubernetes::text_at(list, {"groupVersion"});
  for (const Json& resource : pods::value_at(list, {"resources"})) {
    const std::string plural = kubernetes::text_at(resource, {"name"});
    // "pods/log" is a part of one.
    if (plural.empty() || plural.find('/') != std::string::npos) continue;
    kinds[kind_key(group_version, kubernetes::text_at(resource, {"kind"}))] = {
        plural, pods::is_true_at(resource, {"namespaced"})};
  }
}

KnownKinds kinds_defined_by(const std::vector<plan::Manifest>& manifests) {
  KnownKinds kinds;
  for (const plan::Manifest& manifest : manifests) {
    if (manifest.kind != "CustomResourceDefinition") continue;
    const Json json = Json::parse(manifest.json, nullptr, false);
    const KindResource resource{kubernetes::text_at(json, {"spec", "names", "plural"}),
                                kubernetes::text_at(json, {"spec", "scope"}) != "Cluster"};
    for (const Json& version : pods::value_at(json, {"spec", "versions"}))
      kinds[kind_key(fmt::format("{}/{}", kubernetes::text_at(json, {"spec", "group"}),
                                 kubernetes::text_at(version, {"name"})),
                     kubernetes::text_at(json, {"spec", "names", "kind"}))] = resource;
  }
  return kinds;
}

Result<std::vector<GivenObject>> arrange_given(const std::vector<plan::Manifest>& manifests,
                                               const KnownKinds& kinds, const std::string& id,
                                               const std::string& name_space,
                                               const std::vector<KubernetesObject>& ours) {
  const KnownKinds own = kinds_defined_by(manifests);
  const std::set<std::string> scaled = scaled_by_others(manifests, name_space);
  std::set<std::string> new_spaces;
  for (const plan::Manifest& manifest : manifests) {
    if (manifest.kind == "Namespace") new_spaces.insert(manifest.name);
  }
  if (new_spaces.contains(name_space))
    return Error{
        ErrorCode::kUsage,
        fmt::format("the run's own namespace '{}' can't be made by its manifests", name_space),
        {},
        "what says whose the run is lies in it before",
        fmt::format("kubectl create namespace {}, and leave it out", name_space)};
  std::vector<GivenObject> given;
  for (const plan::Manifest& manifest : manifests) {
    const std::string key = kind_key(manifest.group_version, manifest.kind);
    const auto defined = own.find(key);
    const auto known = kinds.find(key);
    if (defined == own.end() && known == kinds.end()) return unknown_kind(manifest, kinds);
    const KindResource& resource = defined != own.end() ? defined->second : known->second;
    GivenObject one;
    one.where = manifest.where();
    one.kind = manifest.kind;
    if (resource.is_namespaced)
      one.name_space = manifest.name_space.empty() ? name_space : manifest.name_space;
    one.turn = turn_of(manifest.kind);
    one.is_unknown_yet = defined != own.end() || new_spaces.contains(one.name_space);
    Json json = Json::parse(manifest.json, nullptr, false);
    add_label(json, manifest.kind, id);
    if (!resource.is_namespaced && json["metadata"].is_object())
      json["metadata"].erase("namespace");
    json.erase("status");
    if (scaled.contains(scaled_key(one.name_space, one.kind, manifest.name)) &&
        json["spec"].is_object())
      json["spec"].erase("replicas");
    one.object = {manifest.group_version, resource.plural, manifest.name, json.dump()};
    const bool is_ours = std::any_of(ours.begin(), ours.end(), [&](const KubernetesObject& other) {
      return one.name_space == name_space && other.plural == one.object.plural &&
             other.name == one.object.name;
    });
    if (is_ours)
      return Error{
          ErrorCode::kUsage,
          fmt::format("{} '{}' is made for an application already", one.kind, manifest.name),
          one.where,
          {},
          "name it otherwise, or say from_manifests: yes of the application"};
    given.push_back(std::move(one));
  }
  // In the files' order within a turn.
  std::vector<GivenObject> sorted;
  for (int turn = 0; turn <= kLast; ++turn) {
    for (GivenObject& one : given) {
      if (one.turn == turn) sorted.push_back(std::move(one));
    }
  }
  return sorted;
}

std::vector<RunLedger::Given> ledger_rows(const std::vector<GivenObject>& objects) {
  std::vector<RunLedger::Given> rows;
  for (const GivenObject& one : objects)
    rows.push_back(
        {one.object.group_version, one.object.plural, one.name_space, one.object.name, one.turn});
  return rows;
}

GivenState given_state(const std::string& kind, const Json& object) {
  GivenState state;
  if (kind == "Deployment" || kind == "StatefulSet" || kind == "ReplicaSet" ||
      kind == "ReplicationController") {
    state = counted(object, pods::number_at(object, {"spec", "replicas"}, 1), "readyReplicas");
    note_failure(object, "ReplicaFailure", "True", state);
    note_failure(object, "Progressing", "False", state);
  } else if (kind == "DaemonSet") {
    state = counted(object, pods::number_at(object, {"status", "desiredNumberScheduled"}),
                    "numberReady");
  } else if (kind == "Job") {
    state = {condition_of(object, "Complete", "True") != nullptr,
             fmt::format("{} of {} done", pods::number_at(object, {"status", "succeeded"}),
                         pods::number_at(object, {"spec", "completions"}, 1)),
             {}};
    state.is_ready = state.is_ready || pods::is_true_at(object, {"spec", "suspend"});
    note_failure(object, "Failed", "True", state);
  } else if (kind == "Pod") {
    const std::string phase = kubernetes::text_at(object, {"status", "phase"});
    state = {phase == "Succeeded" || condition_of(object, "Ready", "True") != nullptr, phase, {}};
  } else if (kind == "CustomResourceDefinition") {
    state = {condition_of(object, "Established", "True") != nullptr, "not established", {}};
    note_failure(object, "NamesAccepted", "False", state);
  } else if (kind == "Namespace") {
    state = {kubernetes::text_at(object, {"status", "phase"}) == "Active", "not active", {}};
  }
  return state;
}

bool passes(const std::string& refusal) {
  // A quota that was just made hasn't been counted yet.
  return refusal.find("status unknown for quota") != std::string::npos;
}

bool is_awaited(const std::string& kind) {
  constexpr std::string_view kKinds[] = {"Namespace",  "CustomResourceDefinition",
                                         "Pod",        "ReplicationController",
                                         "ReplicaSet", "Deployment",
                                         "DaemonSet",  "StatefulSet",
                                         "Job"};
  return std::find(std::begin(kKinds), std::end(kKinds), kind) != std::end(kKinds);
}

bool is_made_by_another(const Json& object, const std::string& manager) {
  for (const Json& entry : pods::value_at(object, {"metadata", "managedFields"})) {
    if (kubernetes::text_at(entry, {"manager"}) == manager ||
        !kubernetes::text_at(entry, {"subresource"}).empty())
      continue;
    for (const auto& [field, below] : pods::value_at(entry, {"fieldsV1"}).items()) {
      if (field != "f:metadata" && field != "f:status") return true;
    }
  }
  return false;
}

}  // namespace galileo::experiment
