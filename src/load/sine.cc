// A rate that swings like a sine: r(t) = (sin(2 pi t / P) + 1) / 2 * max.
//
//   max |   _          _
//       | _/ \_      _/ \_
//     0 |/      \_ _/      \_ _
//       +----------------------  t
//        0        P         2 P
//
// In turns x = t / P, a swing sends max P / 2 requests, and up to x it has sent the share
// F(x) = x + (1 - cos 2 pi x) / (2 pi) of them. F has no inverse in closed form: whole swings are
// taken off, and within one, Newton's steps find x, kept between bounds that each step narrows
// (near the trough, where the rate is next to 0, they alone would leap).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/portable_math.h"
#include "load/arrival.h"

namespace galileo::load {
namespace {

constexpr double kPeriodMin_s = 1e-6;

double share_sent(double x) {
  return x + (1 - portable::cos_turns(x)) / (2 * std::numbers::pi);
}

class Sine final : public RateShape {
 public:
  Sine(double max_rps, double period_s)
      : swing_(max_rps * period_s / 2),
        period_s_(period_s),
        near_(std::max(1e-11 / period_s, 4e-16)) {}

  std::optional<double> when(double amount, Random&) override {
    const double swings = std::floor(amount / swing_);
    last_x_ = turns_to(amount / swing_ - swings);
    return (swings + last_x_) * period_s_;
  }

  double reached(double at_s) const override { return swing_ * share_sent(at_s / period_s_); }

 private:
  // The x in [0, 1] of which share_sent() is `share`; the search begins where the last one ended.
  double turns_to(double share) const {
    double low = 0;
    double high = 1;
    double x = last_x_;
    for (int i = 0; i < 100; ++i) {
      const double error = share_sent(x) - share;
      const double step = error / (1 + portable::sin_turns(x));
      if (std::abs(step) <= near_) return x - step;
      if (high - low <= near_) return x;
      (error < 0 ? low : high) = x;
      x = x - step > low && x - step < high ? x - step : (low + high) / 2;
    }
    return x;
  }

  const double swing_;  // requests in one
  const double period_s_;
  const double near_;  // turns: 10 ps, or what a double can tell apart
  double last_x_ = 0;
};

}  // namespace

Result<std::unique_ptr<Arrival>> make_sine(const ArrivalSpec& spec) {
  const double max_rps = spec.parameters[0];
  const double period_s = spec.parameters[1];
  TRY(check_rates(spec.kind, {max_rps}));
  if (max_rps <= 0 || period_s < kPeriodMin_s)
    return wrong_arrival(fmt::format("sine({}, {}) sends nothing", max_rps, period_s),
                         "give max_rps and period_s above 0 (a period of 1e-6 s at least)");
  return make_rate_arrival(std::make_unique<Sine>(max_rps, period_s), spec.process);
}

}  // namespace galileo::load
