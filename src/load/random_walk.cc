// A rate that wanders: each step draws normal(mu, sigma), clips it to the bounds, and where it lies
// within them, moves mu there.
#include <fmt/format.h>

#include <algorithm>

#include "load/piecewise.h"

namespace galileo::load {
namespace {

constexpr double kStepMin_s = 1e-3;

class RandomWalk final : public Piecewise {
 public:
  RandomWalk(double mu, double sigma, double max, double min, double step_s)
      : mu_(mu), sigma_(sigma), max_(max), min_(min), step_s_(step_s) {}

  // The mean of some walks, each followed for a while and thought to go on as it did.
  double reached(double at_s) const override {
    constexpr int kWalks = 200;
    constexpr double kStepsMax = 2000;
    const double followed_s = std::min(at_s, kStepsMax * step_s_);
    if (followed_s <= 0) return 0;
    double sum = 0;
    for (int i = 0; i < kWalks; ++i) {
      Random random(1, static_cast<std::uint64_t>(i));
      RandomWalk walk(mu_, sigma_, max_, min_, step_s_);
      for (double s = 0; s < followed_s; s += step_s_)
        sum += walk.step(random) * std::min(step_s_, followed_s - s);
    }
    return sum / kWalks * (at_s / followed_s);
  }

 private:
  std::optional<RatePiece> next_piece(Random& random) override {
    return RatePiece{step(random), step_s_};
  }

  double step(Random& random) {
    const double drawn = random.normalvariate(mu_, sigma_);
    if (drawn >= min_ && drawn <= max_) mu_ = drawn;
    return std::clamp(drawn, min_, max_);
  }

  double mu_;
  const double sigma_;
  const double max_;
  const double min_;
  const double step_s_;
};

}  // namespace

Result<std::unique_ptr<Arrival>> make_random_walk(const ArrivalSpec& spec) {
  const std::vector<double>& p = spec.parameters;
  const double step_s = p.size() > 4 ? p[4] : 1.0;
  TRY(check_rates(spec.kind, {p[2], p[3]}));
  if (p[1] < 0 || p[2] <= 0 || p[2] < p[3] || step_s < kStepMin_s)
    return wrong_arrival(
        fmt::format("random_walk({}) has no such walk", fmt::join(p, ", ")),
        "it takes (mu, sigma, max, min, step_s) with sigma >= 0, max >= min, max > 0 and "
        "step_s >= 0.001");
  return make_rate_arrival(std::make_unique<RandomWalk>(p[0], p[1], p[2], p[3], step_s),
                           spec.process);
}

}  // namespace galileo::load
