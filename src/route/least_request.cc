// The host with the fewest requests under way for its weight; the first such in turn, so that idle
// hosts share.
#include "route/policy.h"

namespace galileo::route {
namespace {

class LeastRequest final : public Policy {
 public:
  explicit LeastRequest(const std::vector<Host>& hosts) : under_way_(hosts.size()) {
    for (const Host& host : hosts) weights_.push_back(host.weight);
  }

  std::size_t pick(const Ask&) override {
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
  void ended(std::size_t host, const Outcome&) override { under_way_[host] -= 1; }
  void go_on_from(const Policy& before, const std::vector<std::size_t>& was) override {
    const auto& old = static_cast<const LeastRequest&>(before);
    under_way_ = carried(old.under_way_, was);
    turn_ = old.turn_;
  }
  std::unique_ptr<Policy> copy() const override { return std::make_unique<LeastRequest>(*this); }

 private:
  std::vector<double> weights_;
  std::vector<double> under_way_;
  std::size_t turn_ = 0;
};

}  // namespace

std::unique_ptr<Policy> make_least_request(const std::vector<Host>& hosts) {
  return std::make_unique<LeastRequest>(hosts);
}

}  // namespace galileo::route
