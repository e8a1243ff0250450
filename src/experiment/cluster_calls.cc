#include "experiment/cluster_calls.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "kubernetes/objects.h"
#include "kubernetes/paths.h"
#include "pods/fields.h"

namespace galileo::experiment {
namespace {

constexpr const char* kGatewaySelector = "type=api-gateway";
constexpr Duration kRightsToldWithin = std::chrono::seconds{5};

}  // namespace

std::string right_text(const kubernetes::Right& right) {
  std::string text = fmt::format("{} {}", right.verb, right.resource);
  if (!right.group.empty()) text += fmt::format(" ({})", right.group);
  return text;
}

std::string object_text(const KubernetesObject& object) {
  return fmt::format("{}/{}", object.plural, object.name);
}

Error taken(const KubernetesObject& object, const nlohmann::json& there) {
  const std::string whose = kubernetes::text_at(there, {"metadata", "labels", kExperimentLabel});
  const std::string since = kubernetes::text_at(there, {"metadata", "creationTimestamp"});
  Error error{
      ErrorCode::kUsage, fmt::format("{} is there already", object_text(object)), {}, {}, {}};
  if (whose.empty()) {
    error.why = fmt::format("it is nobody's of Galileo, since {}", since);
    error.hint = "give the application another name, or delete it with kubectl";
  } else {
    error.why = fmt::format("it is of experiment {}, since {}", whose, since);
    error.hint = "wait for its end; what a killed run has left goes by itself two minutes later";
  }
  return error;
}

Result<std::unique_ptr<ClusterCalls>> ClusterCalls::make(const kubernetes::Access& access,
                                                         std::function<bool()> interrupted) {
  return std::unique_ptr<ClusterCalls>(
      new ClusterCalls(TRY(kubernetes::BlockingApi::make(access)), std::move(interrupted)));
}

Result<kubernetes::ApiAnswer> ClusterCalls::ask(kubernetes::ApiRequest request) {
  const kubernetes::ApiRequest asked = request;
  kubernetes::ApiAnswer answer = TRY(api_->call(std::move(request), interrupted_));
  if (!answer.ok()) return kubernetes::refusal(asked, answer);
  return answer;
}

Result<nlohmann::json> ClusterCalls::create(const std::string& name_space,
                                            const KubernetesObject& object,
                                            const std::string& experiment) {
  kubernetes::ApiRequest request;
  request.method = "POST";
  request.path = kubernetes::collection(object.group_version, name_space, object.plural);
  request.body = object.json;
  const auto answer = api_->call(request, interrupted_);
  if (answer.ok() && answer->ok()) return answer->json();
  // No answer doesn't mean that nothing was done, and "exists already" not that it is another's.
  const bool is_lost = !answer.ok() && answer.error().code == ErrorCode::kUnavailable;
  if (!answer.ok() && !is_lost) return answer.error();
  if (!is_lost && answer->status != 409) return kubernetes::refusal(request, *answer);
  const auto there = TRY(get(kubernetes::object_path(request.path, object.name)));
  if (!there) return is_lost ? answer.error() : kubernetes::refusal(request, *answer);
  if (kubernetes::text_at(*there, {"metadata", "labels", kExperimentLabel}) == experiment)
    return *there;
  return taken(object, *there);
}

Result<std::optional<nlohmann::json>> ClusterCalls::get(const std::string& path) {
  kubernetes::ApiRequest request;
  request.path = path;
  const kubernetes::ApiAnswer answer = TRY(api_->call(request, interrupted_));
  if (answer.status == 404) return std::optional<Json>();
  if (!answer.ok()) return kubernetes::refusal(request, answer);
  return std::optional(answer.json());
}

Result<nlohmann::json> ClusterCalls::patch(const std::string& path, const Json& change,
                                           const char* content_type) {
  kubernetes::ApiRequest request;
  request.method = "PATCH";
  request.path = path;
  request.body = change.dump();
  request.content_type = content_type;
  request.repeatable = true;
  return TRY(ask(std::move(request))).json();
}

Result<void> ClusterCalls::remove(const std::string& path, const std::string& uid,
                                  const char* propagation, std::optional<int> grace_seconds) {
  const kubernetes::ApiRequest request =
      kubernetes::remove(path, {uid, propagation, grace_seconds});
  const kubernetes::ApiAnswer answer = TRY(api_->call(request, interrupted_));
  // Gone, or another of its name has come.
  if (answer.ok() || answer.status == 404 || answer.status == 409) return {};
  return kubernetes::refusal(request, answer);
}

Result<void> ClusterCalls::each(const std::string& collection, const std::string& selector,
                                const std::function<void(Json&&)>& take) {
  return api_->list(collection, selector, take, interrupted_);
}

Result<bool> ClusterCalls::may(const kubernetes::Right& right) {
  kubernetes::ApiRequest request = kubernetes::may_we(right);
  request.within = kRightsToldWithin;
  return kubernetes::is_allowed(right, TRY(ask(std::move(request))));
}

Result<ClusterView> ClusterCalls::view(const std::string& name_space) {
  ClusterView view;
  TRY(each(kubernetes::collection("v1", "", "nodes"), "", [&](Json&& node) {
    view.nodes[kubernetes::text_at(node, {"metadata", "name"})] = read_node(node);
  }));
  TRY(each(kubernetes::collection("v1", name_space, "pods"), kGatewaySelector, [&](Json&& pod) {
    ZoneGateway gateway = read_gateway(pod, view);
    const bool is_up = kubernetes::text_at(pod, {"status", "phase"}) == "Running" &&
                       kubernetes::text_at(pod, {"metadata", "deletionTimestamp"}).empty();
    if (is_up && !gateway.zone.empty() && !gateway.ip.empty())
      view.gateways.push_back(std::move(gateway));
  }));
  std::sort(view.gateways.begin(), view.gateways.end(), [](const auto& a, const auto& b) {
    return std::tie(a.zone, a.ip) < std::tie(b.zone, b.ip);
  });
  return view;
}

}  // namespace galileo::experiment
