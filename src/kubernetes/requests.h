// The requests that we make of an API server, but for reading. Paths are those of paths.h. Pure
// functions; any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "kubernetes/api.h"

namespace galileo::kubernetes {

ApiRequest get(std::string path);
// Never twice: where its answer is lost, look whether it is there.
ApiRequest create(std::string collection, const nlohmann::json& object);
// In place of what is there; refused (409) where the object's resourceVersion isn't that any more.
ApiRequest replace(std::string object_path, const nlohmann::json& object);
// Server-side, by that field manager, not forced.
ApiRequest apply(std::string object_path, const nlohmann::json& object, std::string_view manager);
// Merges `change` into what is there (RFC 7386): null takes a key away.
ApiRequest merge_patch(std::string object_path, const nlohmann::json& change);
// Of something with a part "scale".
ApiRequest scale(std::string object_path, int replicas);

struct DeleteOptions {
  std::string uid;                         // only that one; empty: whatever has the name
  std::string propagation = "Background";  // what becomes of what it owns
  std::optional<int> grace_seconds;        // none: as the object says
};
ApiRequest remove(std::string object_path, const DeleteOptions& options);

// Nothing is made; the answer is what would be.
ApiRequest dry_run(ApiRequest request);

// Whether we may: of SelfSubjectAccessReview.
struct Right {
  std::string verb;
  std::string group;
  std::string resource;  // "pods", "pods/log"
  std::string name_space;
  std::string name;
};
ApiRequest may_we(const Right& right);
// What its answer says. An Error: none.
Result<bool> is_allowed(const Right& right, const ApiAnswer& answer);

}  // namespace galileo::kubernetes
