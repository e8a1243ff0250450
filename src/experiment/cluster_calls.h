// What a run asks of an API server while it waits for the answer: objects made once, looked at and
// removed, whatever has become of an answer. Blocking, with deadlines; on one thread.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "experiment/pod_objects.h"
#include "kubernetes/blocking_api.h"
#include "kubernetes/requests.h"

namespace galileo::experiment {

// Told again and again while objects go: so many of them are still there.
using OnLeft = std::function<void(std::size_t left)>;

class ClusterCalls {
 public:
  using Json = nlohmann::json;

  // `interrupted` is asked while an answer is waited for. An Error of kUsage where the access can't
  // be used.
  static Result<std::unique_ptr<ClusterCalls>> make(const kubernetes::Access& access,
                                                    std::function<bool()> interrupted);

  // Makes it. Where its name is taken the object that has it decides: one of this experiment is
  // ours, made by a request whose answer was lost.
  Result<Json> create(const std::string& name_space, const KubernetesObject& object,
                      const std::string& experiment);
  // None: it isn't there.
  Result<std::optional<Json>> get(const std::string& path);
  // The answer and the server's clock, of one object.
  Result<kubernetes::ApiAnswer> ask(kubernetes::ApiRequest request);
  Result<Json> patch(const std::string& path, const Json& change, const char* content_type);
  // Removes this very object; that it is gone already is fine.
  // `propagation`: what becomes of what it owns; with "Foreground" it goes after that.
  // `grace_seconds`: none where the object says it; with 0 a pod goes without its node's word.
  Result<void> remove(const std::string& path, const std::string& uid,
                      const char* propagation = "Background",
                      std::optional<int> grace_seconds = std::nullopt);
  Result<void> each(const std::string& collection, const std::string& selector,
                    const std::function<void(Json&&)>& take);

  // Whether we may do that; what names no namespace is of the whole cluster.
  Result<bool> may(const kubernetes::Right& right);

  // Nodes and gateways, which are pods of that namespace.
  Result<ClusterView> view(const std::string& name_space);

 private:
  ClusterCalls(std::unique_ptr<kubernetes::BlockingApi> api, std::function<bool()> interrupted)
      : api_(std::move(api)), interrupted_(std::move(interrupted)) {}

  std::unique_ptr<kubernetes::BlockingApi> api_;
  const std::function<bool()> interrupted_;
};

// "delete pods", "create leases (coordination.k8s.io)", for messages.
std::string right_text(const kubernetes::Right& right);
// "pods/hello-deployment-node1-0", for messages.
std::string object_text(const KubernetesObject& object);
// Its name is `there`'s already: whose that is.
Error taken(const KubernetesObject& object, const nlohmann::json& there);

}  // namespace galileo::experiment
