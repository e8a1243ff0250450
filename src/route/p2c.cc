// The power of two choices: two hosts by weight at random, and of them the one with fewer requests
// under way.
#include "route/policy.h"

namespace galileo::route {
namespace {

class PowerOfTwo final : public Policy {
 public:
  explicit PowerOfTwo(const std::vector<double>& weights)
      : draw_(make_random(weights)), under_way_(weights.size()) {}

  std::size_t pick(Random& random) override {
    const std::size_t one = draw_->pick(random);
    const std::size_t other = draw_->pick(random);
    return under_way_[other] < under_way_[one] ? other : one;
  }
  void began(std::size_t host) override { ++under_way_[host]; }
  void ended(std::size_t host) override { --under_way_[host]; }

 private:
  const std::unique_ptr<Policy> draw_;
  std::vector<std::int64_t> under_way_;
};

}  // namespace

std::unique_ptr<Policy> make_p2c(const std::vector<double>& weights) {
  return std::make_unique<PowerOfTwo>(weights);
}

}  // namespace galileo::route
