// The choice among a service's hosts. Passive; nothing is allocated by a choice. It is told when a
// request begins and ends on a host. Owned by a client, lives on its loop.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "route/table.h"

namespace galileo::route {

class Policy {
 public:
  virtual ~Policy() = default;
  // The index of the host that gets the next request.
  virtual std::size_t pick(Random& random) = 0;
  virtual void began(std::size_t) {}
  virtual void ended(std::size_t) {}
};

#define POLICY(name, text) std::unique_ptr<Policy> make_##name(const std::vector<double>& weights);
#include "route/policies.def"
#undef POLICY

// A policy over these hosts. Errors: no policy of that name; a negative weight; all weights zero.
Result<std::unique_ptr<Policy>> make_policy(std::string_view name, const std::vector<Host>& hosts);
std::vector<std::string> policy_names();

}  // namespace galileo::route
