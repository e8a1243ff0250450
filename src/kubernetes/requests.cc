#include "kubernetes/requests.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "kubernetes/objects.h"
#include "kubernetes/paths.h"

namespace galileo::kubernetes {
namespace {

using Json = nlohmann::json;

ApiRequest sent(const char* method, std::string path, const Json& body) {
  ApiRequest request;
  request.method = method;
  request.path = std::move(path);
  request.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
  return request;
}

}  // namespace

ApiRequest get(std::string path) {
  ApiRequest request;
  request.path = std::move(path);
  return request;
}

ApiRequest create(std::string collection, const Json& object) {
  return sent("POST", std::move(collection), object);
}

ApiRequest replace(std::string object_path, const Json& object) {
  return sent("PUT", std::move(object_path), object);
}

ApiRequest apply(std::string object_path, const Json& object, std::string_view manager) {
  ApiRequest request =
      sent("PATCH", with_query(std::move(object_path), {{"fieldManager", std::string(manager)}}),
           object);
  request.content_type = "application/apply-patch+yaml";  // JSON is YAML
  return request;
}

ApiRequest merge_patch(std::string object_path, const Json& change) {
  ApiRequest request = sent("PATCH", std::move(object_path), change);
  request.content_type = "application/merge-patch+json";
  // With a version in it the second one is refused, which says no less than the first.
  request.repeatable = version_of(change).empty();
  return request;
}

ApiRequest scale(std::string object_path, int replicas) {
  return merge_patch(std::move(object_path) + "/scale",
                     Json{{"spec", Json{{"replicas", replicas}}}});
}

ApiRequest remove(std::string object_path, const DeleteOptions& options) {
  Json body{
      {"kind", "DeleteOptions"}, {"apiVersion", "v1"}, {"propagationPolicy", options.propagation}};
  if (!options.uid.empty()) body["preconditions"] = Json{{"uid", options.uid}};
  if (options.grace_seconds) body["gracePeriodSeconds"] = *options.grace_seconds;
  ApiRequest request = sent("DELETE", std::move(object_path), body);
  request.repeatable = !options.uid.empty();
  return request;
}

ApiRequest dry_run(ApiRequest request) {
  request.path = with_query(std::move(request.path), {{"dryRun", "All"}});
  request.repeatable = true;
  return request;
}

ApiRequest may_we(const Right& right) {
  const std::size_t slash = right.resource.find('/');
  Json asked{
      {"verb", right.verb}, {"group", right.group}, {"resource", right.resource.substr(0, slash)}};
  if (slash != std::string::npos) asked["subresource"] = right.resource.substr(slash + 1);
  if (!right.name_space.empty()) asked["namespace"] = right.name_space;
  if (!right.name.empty()) asked["name"] = right.name;
  ApiRequest request = create(collection("authorization.k8s.io/v1", "", "selfsubjectaccessreviews"),
                              Json{{"kind", "SelfSubjectAccessReview"},
                                   {"apiVersion", "authorization.k8s.io/v1"},
                                   {"spec", Json{{"resourceAttributes", std::move(asked)}}}});
  request.repeatable = true;  // it makes nothing
  return request;
}

Result<bool> is_allowed(const Right& right, const ApiAnswer& answer) {
  const Json json = answer.json();
  const Json* const allowed = find(json, {"status", "allowed"});
  if (answer.ok() && allowed && allowed->is_boolean()) return allowed->get<bool>();
  return refusal(may_we(right), answer);
}

}  // namespace galileo::kubernetes
