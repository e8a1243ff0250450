// The host with the fewest requests under way for its weight; the first such in turn, so that idle
// hosts share.
#include "route/policy.h"

namespace galileo::route {
namespace {

class LeastRequest final : public Policy {
 public:
  explicit LeastRequest(const std::vector<double>& weights)
      : weights_(weights), under_way_(weights.size()) {}

  std::size_t pick(Random&) override {
    std::size_t best = weights_.size();
    double best_load = 0;
    for (std::size_t step = 0; step < weights_.size(); ++step) {
      const std::size_t host = (turn_ + step) % weights_.size();
      if (weights_[host] <= 0) continue;
      const double load = (under_way_[host] + 1) / weights_[host];
      if (best == weights_.size() || load < best_load) {
        best = host;
        best_load = load;
      }
    }
    turn_ = best + 1;
    return best;
  }
  void began(std::size_t host) override { under_way_[host] += 1; }
  void ended(std::size_t host) override { under_way_[host] -= 1; }
  std::unique_ptr<Policy> copy() const override { return std::make_unique<LeastRequest>(*this); }

 private:
  const std::vector<double> weights_;
  std::vector<double> under_way_;
  std::size_t turn_ = 0;
};

}  // namespace

std::unique_ptr<Policy> make_least_request(const std::vector<double>& weights) {
  return std::make_unique<LeastRequest>(weights);
}

}  // namespace galileo::route
