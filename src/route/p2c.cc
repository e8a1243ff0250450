// The power of two choices: of two hosts drawn by weight the one with fewer requests under way.
#include "route/policy.h"
#include "route/two_draws.h"

namespace galileo::route {
namespace {

class PowerOfTwo final : public Policy {
 public:
  explicit PowerOfTwo(const std::vector<Host>& hosts) : draws_(hosts), under_way_(hosts.size()) {}

  std::size_t pick(const Ask& ask) override {
    const auto [one, other] = draws_.draw(ask);
    return under_way_[other] < under_way_[one] ? other : one;
  }
  void began(std::size_t host) override { ++under_way_[host]; }
  void ended(std::size_t host, const Outcome&) override { --under_way_[host]; }
  void go_on_from(const Policy& before, const std::vector<std::size_t>& was) override {
    under_way_ = carried(static_cast<const PowerOfTwo&>(before).under_way_, was);
  }
  std::unique_ptr<Policy> copy() const override { return std::make_unique<PowerOfTwo>(*this); }

 private:
  TwoDraws draws_;
  std::vector<std::int64_t> under_way_;
};

}  // namespace

std::unique_ptr<Policy> make_p2c(const std::vector<Host>& hosts) {
  return std::make_unique<PowerOfTwo>(hosts);
}

}  // namespace galileo::route
