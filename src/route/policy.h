// The choice among a service's hosts. Hosts are indices into the list that it was made of; one with
// the weight 0 is never chosen. Passive: nothing is allocated by a choice, and its chance is passed
// in, so that a seed repeats it. It is told when a request begins and ends on a host, and may
// choose by that. Owned by a client, lives on its loop; when the hosts change, a new one is made.
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
  // The index of the host that gets the next request. Whether one is sent is told apart: a choice
  // that comes to nothing counts as no request.
  virtual std::size_t pick(Random& random) = 0;
  // A request to that host is under way; it is over (answered or not).
  virtual void began(std::size_t) {}
  virtual void ended(std::size_t) {}
  // Goes on where `before`, a policy of the same name over the hosts as they were, stands.
  virtual void go_on_from(const Policy&) {}
  // One of its own over the same hosts. Of a policy that hasn't chosen yet it is as good as a newly
  // made one, and costs no check of the weights.
  virtual std::unique_ptr<Policy> copy() const = 0;
};

#define POLICY(name, text) std::unique_ptr<Policy> make_##name(const std::vector<double>& weights);
#include "route/policies.def"
#undef POLICY

// A policy over these hosts. Errors: no policy of that name; a negative weight; all weights zero.
Result<std::unique_ptr<Policy>> make_policy(std::string_view name, const std::vector<Host>& hosts);
std::vector<std::string> policy_names();

}  // namespace galileo::route
