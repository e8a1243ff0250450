#include "plan/scaled.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

namespace galileo::plan {
namespace {

std::optional<std::string> plural_of(const Manifest& manifest) {
  if (!manifest.group_version.starts_with("apps/")) return std::nullopt;
  if (manifest.kind == "Deployment") return "deployments";
  if (manifest.kind == "StatefulSet") return "statefulsets";
  if (manifest.kind == "ReplicaSet") return "replicasets";
  return std::nullopt;
}

Error cant_scale(const Application& application, std::string why, std::string hint) {
  return {ErrorCode::kUsage,
          fmt::format("'{}' can't be scaled", application.name),
          {},
          std::move(why),
          std::move(hint)};
}

}  // namespace

Result<Scaled> scaled_by(const Application& application, const Plan& plan) {
  if (!application.pods || !application.pods->from_manifests) {
    if (application.pods && application.pods->is_deployment)
      return Scaled{"deployments", {}, application.name + "-deployment"};
    return cant_scale(application, "it isn't a Deployment",
                      "give it kubernetes: {deployment: yes, ...}");
  }
  std::vector<Scaled> found;
  std::vector<std::string> places;
  for (const Manifest& manifest : plan.cluster->manifests) {
    const auto& functions = manifest.functions;
    if (std::find(functions.begin(), functions.end(), application.name) == functions.end())
      continue;
    const auto plural = plural_of(manifest);
    if (!plural) continue;
    found.push_back({*plural, manifest.name_space, manifest.name});
    places.push_back(manifest.where());
  }
  if (found.size() == 1) return found.front();
  if (found.empty())
    return cant_scale(application,
                      "the manifests have no Deployment, StatefulSet or ReplicaSet for it", {});
  return cant_scale(
      application,
      fmt::format("{} of the manifests make pods of it: {}", found.size(), fmt::join(places, ", ")),
      "which of them would be scaled isn't said");
}

}  // namespace galileo::plan
