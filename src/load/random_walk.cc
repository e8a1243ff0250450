// A rate that wanders: each step draws normal(mu, sigma), clips it to the bounds, and where it lies
// within them, moves mu there (spec/workload.md).
#include <fmt/format.h>

#include <algorithm>

#include "load/piecewise.h"

namespace galileo::load {
namespace {

class RandomWalk final : public Piecewise {
 public:
  RandomWalk(double mu, double sigma, double max, double min, double step_s)
      : mu_(mu), sigma_(sigma), max_(max), min_(min), step_s_(step_s) {}

 private:
  std::optional<RatePiece> next_piece(Random& random) override {
    const double drawn = random.normalvariate(mu_, sigma_);
    if (drawn >= min_ && drawn <= max_) mu_ = drawn;
    return RatePiece{std::clamp(drawn, min_, max_), step_s_};
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
  if (p[1] < 0 || p[3] < 0 || p[2] <= 0 || p[2] < p[3] || step_s <= 0)
    return wrong_arrival(
        fmt::format("random_walk({}) has no such walk", fmt::join(p, ", ")),
        "it takes (mu, sigma, max, min, step_s) with sigma >= 0 and max >= min >= 0, max > 0");
  return make_rate_arrival(std::make_unique<RandomWalk>(p[0], p[1], p[2], p[3], step_s),
                           spec.process);
}

}  // namespace galileo::load
