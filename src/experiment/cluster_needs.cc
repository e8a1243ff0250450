#include "experiment/cluster_needs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "kubernetes/objects.h"

namespace galileo::experiment {
namespace {

using Json = nlohmann::json;

constexpr Duration kAnswerWithin = std::chrono::seconds{5};

// Of pods' CPU or memory, which the metrics API tells; other kinds have APIs of their own.
bool asks_for_resources(const plan::Autoscale& scale) {
  if (scale.cpu_pct > 0) return true;
  const Json spec = Json::parse(scale.spec_json);
  const Json* const metrics = kubernetes::find(spec, {"metrics"});
  if (!metrics) return true;  // Kubernetes' own default is the CPU
  for (const Json& metric : *metrics) {
    const std::string type = kubernetes::text_at(metric, {"type"});
    if (type == "Resource" || type == "ContainerResource") return true;
  }
  return false;
}

bool changes(const plan::Plan& plan, plan::ChangeCluster::Kind kind) {
  for (const plan::Phase& phase : plan.phases) {
    for (const plan::Action& action : phase.actions) {
      const auto* const change = std::get_if<plan::ChangeCluster>(&action.what);
      if (change && change->kind == kind) return true;
    }
  }
  return false;
}

Result<void> require_feature(ClusterCalls& calls, const kubernetes::Feature& feature) {
  return kubernetes::require(feature, TRY(kubernetes::parse_version(TRY(server_version(calls)))));
}

Result<void> check_autoscaler(const plan::Application& application, ClusterCalls& calls) {
  const std::string whose = fmt::format("application {}: kubernetes.autoscale", application.name);
  auto is_known = require_feature(calls, kubernetes::kAutoscaling);
  if (!is_known.ok()) {
    is_known.error().where = whose;
    return is_known;
  }
  if (!asks_for_resources(*application.pods->autoscale)) return {};
  auto measured = ask_for_metrics(calls);
  if (!measured.ok()) measured.error().where = whose;
  return measured;
}

}  // namespace

Result<std::string> server_version(ClusterCalls& calls) {
  kubernetes::ApiRequest request;
  request.path = "/version";
  request.within = kAnswerWithin;
  return kubernetes::text_at(TRY(calls.ask(std::move(request))).json(), {"gitVersion"});
}

Result<void> ask_for_metrics(ClusterCalls& calls) {
  kubernetes::ApiRequest request;
  request.path = "/apis/metrics.k8s.io/v1beta1";
  request.within = kAnswerWithin;
  const auto answer = calls.ask(std::move(request));
  if (answer.ok()) return {};
  if (answer.error().code != ErrorCode::kNotFound)
    return Error{answer.error().code,
                 "the cluster's metrics API doesn't answer",
                 {},
                 answer.error().why,
                 "kubectl describe apiservice v1beta1.metrics.k8s.io"};
  return Error{ErrorCode::kUsage,
               "the cluster has no metrics API",
               {},
               "nobody tells an autoscaler what its pods use, and it would do nothing",
               "deploy metrics-server, or what your cluster has in its place"};
}

std::vector<kubernetes::Right> rights_to_take_back(const plan::Plan& plan,
                                                   const std::string& name_space) {
  using Kind = plan::ChangeCluster::Kind;
  constexpr const char* kLeaseGroup = "coordination.k8s.io";
  std::vector<kubernetes::Right> rights{
      {"watch", "", "pods", name_space, {}},
      {"delete", "", "pods", name_space, {}},
      {"get", "", "configmaps", name_space, {}},
      {"patch", "", "configmaps", name_space, {}},
      {"delete", "", "configmaps", name_space, {}},
      {"get", kLeaseGroup, "leases", name_space, {}},
      {"patch", kLeaseGroup, "leases", name_space, {}},
      {"delete", kLeaseGroup, "leases", name_space, {}},
      // Looked for in the end, whatever was made.
      {"list", "apps", "deployments", name_space, {}},
      {"list", "autoscaling", "horizontalpodautoscalers", name_space, {}}};
  bool has_deployments = false;
  bool has_scalers = false;
  for (const plan::Application& application : plan.applications) {
    if (!application.pods) continue;
    has_deployments |= application.pods->is_deployment;
    has_scalers |= application.pods->autoscale.has_value();
  }
  if (has_deployments) rights.push_back({"delete", "apps", "deployments", name_space, {}});
  if (has_scalers)
    rights.push_back({"delete", "autoscaling", "horizontalpodautoscalers", name_space, {}});
  if (changes(plan, Kind::kCordon) || changes(plan, Kind::kUncordon))
    rights.push_back({"patch", "", "nodes", {}, {}});
  return rights;
}

Result<void> check_rights_to_take_back(const plan::Plan& plan, ClusterCalls& calls,
                                       const std::string& name_space) {
  std::vector<std::string> missing;
  for (const kubernetes::Right& right : rights_to_take_back(plan, name_space)) {
    if (!TRY(calls.may(right))) missing.push_back(right_text(right));
  }
  if (missing.empty()) return {};
  return Error{ErrorCode::kUsage, "you may not take back what the run would do", name_space,
               fmt::format("you may not {}", fmt::join(missing, ", ")),
               "ask for it: examples/kubernetes/role.yaml has all"};
}

Result<void> check_needs(const plan::Plan& plan, ClusterCalls& calls) {
  for (const plan::Application& application : plan.applications) {
    if (application.pods && application.pods->autoscale) TRY(check_autoscaler(application, calls));
  }
  if (changes(plan, plan::ChangeCluster::Kind::kResize))
    TRY(require_feature(calls, kubernetes::kResizing));
  return {};
}

}  // namespace galileo::experiment
