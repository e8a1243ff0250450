#include "route/policy.h"

#include <fmt/format.h>

#include <cmath>

#include "base/text.h"

namespace galileo::route {

const std::vector<PolicyRow>& policy_rows() {
  static const std::vector<PolicyRow> rows{
#define POLICY(name, text) {#name, text},
#include "route/policies.def"
#undef POLICY
  };
  return rows;
}

std::vector<std::string> policy_names() {
  std::vector<std::string> names;
  for (const PolicyRow& row : policy_rows()) names.emplace_back(row.name);
  return names;
}

Result<std::unique_ptr<Policy>> make_policy(std::string_view name, const std::vector<Host>& hosts) {
  if (hosts.empty())
    return Error{ErrorCode::kUsage, "a service has no hosts", {}, {}, "give it at least one"};
  bool any = false;
  for (const Host& host : hosts) {
    if (!(host.weight >= 0) || !std::isfinite(host.weight))
      return Error{ErrorCode::kUsage,
                   fmt::format("host {} has the weight {}", host.name, host.weight),
                   {},
                   {},
                   "weights are numbers from 0 up"};
    any = any || host.weight > 0;
  }
  if (!any)
    return Error{ErrorCode::kUsage,
                 "all hosts have the weight 0",
                 {},
                 {},
                 "give at least one host a weight above 0"};
#define POLICY(row, text) \
  if (name == #row) return make_##row(hosts);
#include "route/policies.def"
#undef POLICY
  return Error{ErrorCode::kUsage,
               fmt::format("unknown balancer '{}'", name),
               {},
               {},
               hint_for_unknown(name, policy_names())};
}

std::uint64_t key_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  // Its upper bits are poor where texts differ in their last bytes: finished as splitmix64 does.
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9u;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebu;
  return hash ^ (hash >> 31);
}

}  // namespace galileo::route
