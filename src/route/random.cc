// A host at random, by weight.
#include <algorithm>

#include "route/policy.h"

namespace galileo::route {
namespace {

class WeightedRandom final : public Policy {
 public:
  explicit WeightedRandom(const std::vector<double>& weights) {
    double sum = 0;
    for (const double weight : weights) sums_.push_back(sum += weight);
  }
  std::size_t pick(Random& random) override {
    const double drawn = random.unit() * sums_.back();
    const auto found = std::upper_bound(sums_.begin(), sums_.end(), drawn);
    return std::min(static_cast<std::size_t>(found - sums_.begin()), sums_.size() - 1);
  }

 private:
  std::vector<double> sums_;  // of the weights up to and with each host's
};

}  // namespace

std::unique_ptr<Policy> make_random(const std::vector<double>& weights) {
  return std::make_unique<WeightedRandom>(weights);
}

}  // namespace galileo::route
