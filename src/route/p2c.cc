// The power of two choices: two hosts by weight at random, and of them the one with fewer requests
// under way. Nearly as even as asking all hosts, at the price of two draws.
#include "route/policy.h"

namespace galileo::route {
namespace {

constexpr int kDrawsAgain = 3;

class PowerOfTwo final : public Policy {
 public:
  explicit PowerOfTwo(const std::vector<double>& weights)
      : draw_(make_random(weights)), under_way_(weights.size()) {}
  PowerOfTwo(const PowerOfTwo& other) : draw_(other.draw_->copy()), under_way_(other.under_way_) {}
  PowerOfTwo& operator=(const PowerOfTwo&) = delete;

  std::size_t pick(Random& random) override {
    if (under_way_.size() == 1) return 0;
    const std::size_t one = draw_->pick(random);
    std::size_t other = draw_->pick(random);
    // Two draws of one host are no choice. Where it has nearly all the weight, it may stay so.
    for (int again = 0; other == one && again < kDrawsAgain; ++again) other = draw_->pick(random);
    return under_way_[other] < under_way_[one] ? other : one;
  }
  void began(std::size_t host) override { ++under_way_[host]; }
  void ended(std::size_t host) override { --under_way_[host]; }
  std::unique_ptr<Policy> copy() const override { return std::make_unique<PowerOfTwo>(*this); }

 private:
  const std::unique_ptr<Policy> draw_;
  std::vector<std::int64_t> under_way_;
};

}  // namespace

std::unique_ptr<Policy> make_p2c(const std::vector<double>& weights) {
  return std::make_unique<PowerOfTwo>(weights);
}

}  // namespace galileo::route
