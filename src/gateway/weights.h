// Which targets serve a function and with which weights, as etcd's values and the weights file have
// them (docs/wire/gateway.md). Pure functions and values.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "route/table.h"

namespace galileo::gateway {

// Hosts ("host:port") with their weights, and how one is chosen; empty: as the gateway does.
struct Targets {
  std::vector<route::Host> hosts;
  std::string policy;
  bool operator==(const Targets&) const = default;
};

// {"ips": ["10.0.0.1:8080", ...], "weights": [3, ...]}, with or without a "policy", which is ours
// and which the old balancer doesn't look at. Errors (kCorrupt): no such object, fewer weights than
// ips or more, a weight that is negative or no number, an address without a port, a policy that
// nobody knows. No ips at all: nobody serves it.
Result<Targets> parse_targets(std::string_view json);

// The value that parse_targets() reads.
std::string targets_json(const Targets& targets);

// {"<function>": {"ips": ..., "weights": ...}, ...}. An Error names the function.
Result<std::map<std::string, Targets>> parse_weights_file(std::string_view json,
                                                          const std::string& path);

}  // namespace galileo::gateway
