#include "commands/run_pods.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "commands/etcd_flags.h"
#include "commands/kubernetes_access.h"
#include "commands/options.h"

namespace galileo::commands {
namespace {

// The file's, over the environment's.
Result<gateway::EtcdOptions> etcd_of(const plan::Cluster& cluster) {
  EtcdFlags flags;
  flags.endpoints = fmt::format("{}", fmt::join(cluster.etcd, ","));
  return experiment_etcd_options(std::move(flags));
}

Result<kubernetes::Access> access_of(const plan::Cluster& cluster) {
  return kubernetes_access(cluster.kubeconfig, cluster.context);
}

}  // namespace

Result<std::unique_ptr<experiment::OnKubernetes>> pods_of(const plan::Plan& plan,
                                                          experiment::Processes& others,
                                                          bus::Bus* bus) {
  if (!plan.cluster) return std::unique_ptr<experiment::OnKubernetes>();
  const kubernetes::Access access = TRY(access_of(*plan.cluster));
  const gateway::EtcdOptions etcd = TRY(etcd_of(*plan.cluster));
  return std::make_unique<experiment::OnKubernetes>(others, access, experiment::Outside{etcd, bus});
}

Result<std::string> objects_text(const plan::Plan& plan) {
  std::string text;
  if (!plan.cluster) return text;
  for (const experiment::KubernetesObject& object :
       TRY(experiment::rehearse(plan, TRY(access_of(*plan.cluster)))))
    text +=
        "---\n" + nlohmann::json::parse(plan::manifest_without_secrets(object.json)).dump(2) + "\n";
  return text;
}

}  // namespace galileo::commands
