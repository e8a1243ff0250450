// The choice among a service's hosts. Hosts are indices into the list that it was made of; one with
// the weight 0 is never chosen. Passive: nothing is allocated by a choice, and its chance is passed
// in, so that a seed repeats it. It is told when a request begins and ends on a host, and may
// choose by that. Owned by a client or a gateway, lives on its loop; when the hosts change, a new
// one is made.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "route/table.h"

namespace galileo {
class SharedPlace;
}

namespace galileo::route {

// What a choice may go by.
struct Ask {
  Random& random;
  // Whose request it is: the same key gets the same host, where the policy cares.
  std::uint64_t key = 0;
  Time now{};
};

// How a request ended on a host. One that its client gave up says no more than that it would have
// taken longer.
struct Outcome {
  enum class End : unsigned char { kAnswered, kFailed, kGivenUp };
  Duration took{};
  End end = End::kAnswered;
  Time now{};
};

// The place of a host that the list of before hasn't.
inline constexpr std::size_t kNewHost = static_cast<std::size_t>(-1);

class Policy {
 public:
  virtual ~Policy() = default;
  // The index of the host that gets the next request. Whether one is sent is told apart: a choice
  // that comes to nothing counts as no request.
  virtual std::size_t pick(const Ask& ask) = 0;
  // A request to that host is under way; it is over (answered or not).
  virtual void began(std::size_t) {}
  virtual void ended(std::size_t, const Outcome&) {}
  // Goes on where `before`, a policy of the same name over the hosts as they were, stands. `was[i]`
  // is the index there of the host that is `i` here, or kNewHost.
  virtual void go_on_from(const Policy& /*before*/, const std::vector<std::size_t>& /*was*/) {}
  // Takes its turns from `place` from now on, together with policies of other loops over the same
  // hosts: the first of them says where that begins. `place` outlives it. For policies that go
  // through an order.
  virtual void share(SharedPlace& /*place*/) {}
  // One of its own over the same hosts. Of a policy that hasn't chosen yet it is as good as a newly
  // made one, and costs no check of the weights.
  virtual std::unique_ptr<Policy> copy() const = 0;
};

#define POLICY(name, text) std::unique_ptr<Policy> make_##name(const std::vector<Host>& hosts);
#include "route/policies.def"
#undef POLICY

// A policy over these hosts. Errors: no policy of that name; a negative weight; all weights zero.
Result<std::unique_ptr<Policy>> make_policy(std::string_view name, const std::vector<Host>& hosts);
struct PolicyRow {
  std::string_view name;
  std::string_view text;
};
const std::vector<PolicyRow>& policy_rows();
std::vector<std::string> policy_names();

// The key of an Ask for what the caller has: a name, an address.
std::uint64_t key_of(std::string_view text);

// Per-host figures of the new list, taken from the old one's.
template <class T>
std::vector<T> carried(const std::vector<T>& before, const std::vector<std::size_t>& was) {
  std::vector<T> figures(was.size());
  for (std::size_t i = 0; i < was.size(); ++i) {
    if (was[i] < before.size()) figures[i] = before[was[i]];
  }
  return figures;
}

}  // namespace galileo::route
