// A host at random, by weight.
#include <algorithm>

#include "route/policy.h"

namespace galileo::route {
namespace {

class WeightedRandom final : public Policy {
 public:
  explicit WeightedRandom(const std::vector<Host>& hosts) {
    // Divided by the largest, as a sum of large weights may be beyond a double.
    double largest = 0;
    for (const Host& host : hosts) largest = std::max(largest, host.weight);
    double sum = 0;
    for (const Host& host : hosts) sums_.push_back(sum += host.weight / largest);
  }
  std::size_t pick(const Ask& ask) override {
    if (sums_.size() == 1) return 0;
    const double drawn = ask.random.unit() * sums_.back();
    auto found = std::upper_bound(sums_.begin(), sums_.end(), drawn);
    // The product may be rounded up to the whole sum: that is still the last host with a weight.
    if (found == sums_.end()) found = std::lower_bound(sums_.begin(), sums_.end(), drawn);
    return static_cast<std::size_t>(found - sums_.begin());
  }
  std::unique_ptr<Policy> copy() const override { return std::make_unique<WeightedRandom>(*this); }

 private:
  std::vector<double> sums_;  // of the weights up to and with each host's
};

}  // namespace

std::unique_ptr<Policy> make_random(const std::vector<Host>& hosts) {
  return std::make_unique<WeightedRandom>(hosts);
}

}  // namespace galileo::route
