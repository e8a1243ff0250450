// Always the first host that has a weight.
#include <algorithm>

#include "route/policy.h"

namespace galileo::route {
namespace {

class Fixed final : public Policy {
 public:
  explicit Fixed(std::size_t host) : host_(host) {}
  std::size_t pick(const Ask&) override { return host_; }
  std::unique_ptr<Policy> copy() const override { return std::make_unique<Fixed>(*this); }

 private:
  const std::size_t host_;
};

}  // namespace

std::unique_ptr<Policy> make_fixed(const std::vector<Host>& hosts) {
  const auto first =
      std::find_if(hosts.begin(), hosts.end(), [](const Host& host) { return host.weight > 0; });
  return std::make_unique<Fixed>(static_cast<std::size_t>(first - hosts.begin()));
}

}  // namespace galileo::route
