// Weighted round robin by the gcd form of spec/workload.md: the index steps through the hosts; each
// time it wraps, the current weight falls by the weights' gcd and restarts from the largest; a host
// is taken when its weight is at least the current weight. Weights that aren't whole are scaled up
// to whole ones first, so that 0.5 and 1 are 1 and 2.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "route/policy.h"

namespace galileo::route {
namespace {

std::vector<std::int64_t> whole_weights(const std::vector<double>& weights) {
  for (const double scale : {1.0, 10.0, 100.0, 1000.0, 10'000.0}) {
    const bool whole = std::all_of(weights.begin(), weights.end(), [&](double weight) {
      return std::abs(weight * scale - std::round(weight * scale)) < 1e-9 * scale;
    });
    if (!whole && scale < 10'000.0) continue;
    std::vector<std::int64_t> scaled;
    for (const double weight : weights) {
      const std::int64_t rounded = std::llround(std::min(weight * scale, 1e12));
      scaled.push_back(weight > 0 ? std::max<std::int64_t>(rounded, 1) : 0);
    }
    return scaled;
  }
  return {};
}

class WeightedRoundRobin final : public Policy {
 public:
  explicit WeightedRoundRobin(const std::vector<double>& weights)
      : weights_(whole_weights(weights)),
        largest_(*std::max_element(weights_.begin(), weights_.end())),
        gcd_(std::accumulate(weights_.begin(), weights_.end(), std::int64_t{0},
                             [](std::int64_t a, std::int64_t b) { return std::gcd(a, b); })) {}

  std::size_t pick(Random&) override {
    // Ends within one round through all weights: the largest host is always taken.
    while (true) {
      if (++index_ >= weights_.size()) {
        index_ = 0;
        current_ -= gcd_;
        if (current_ <= 0) current_ = largest_;
      }
      if (weights_[index_] >= current_) return index_;
    }
  }

 private:
  const std::vector<std::int64_t> weights_;
  const std::int64_t largest_;
  const std::int64_t gcd_;
  std::size_t index_ = static_cast<std::size_t>(-2);  // so that the first step wraps
  std::int64_t current_ = 0;
};

}  // namespace

std::unique_ptr<Policy> make_wrr(const std::vector<double>& weights) {
  return std::make_unique<WeightedRoundRobin>(weights);
}

}  // namespace galileo::route
