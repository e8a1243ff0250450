// A rate that swings like a sine: r(t) = (sin(2 pi t / P) + 1) / 2 * max.
// Its integral is R(t) = max/2 * (t + P/(2 pi) * (1 - cos(2 pi t / P))), which never falls; there
// is no closed form for when it reaches an amount, so that is found by halving an interval that
// holds it.
#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "load/arrival.h"

namespace galileo::load {
namespace {

class Sine final : public RateShape {
 public:
  Sine(double max_rps, double period_s) : max_rps_(max_rps), period_s_(period_s) {}

  std::optional<double> when(double amount, Random&) override {
    // R is max/2 * t, give or take what one swing adds: at most max * P / (2 pi).
    double low = std::max(0.0, 2 * amount / max_rps_ - period_s_ / std::numbers::pi);
    double high = 2 * amount / max_rps_ + period_s_;
    // 80 halvings are more than a double has bits: the loop ends when the ends meet.
    for (int i = 0; i < 80 && high - low > 1e-10; ++i) {
      const double middle = (low + high) / 2;
      (integral(middle) < amount ? low : high) = middle;
    }
    return high;
  }

 private:
  double integral(double t) const {
    const double turn = 2 * std::numbers::pi / period_s_;
    return max_rps_ / 2 * (t + (1 - std::cos(turn * t)) / turn);
  }

  const double max_rps_;
  const double period_s_;
};

}  // namespace

Result<std::unique_ptr<Arrival>> make_sine(const ArrivalSpec& spec) {
  if (spec.parameters[0] <= 0 || spec.parameters[1] <= 0)
    return wrong_arrival(
        fmt::format("sine({}, {}) sends nothing", spec.parameters[0], spec.parameters[1]),
        "give max_rps and period_s above 0");
  return make_rate_arrival(std::make_unique<Sine>(spec.parameters[0], spec.parameters[1]),
                           spec.process);
}

}  // namespace galileo::load
