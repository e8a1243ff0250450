// A rate that goes evenly from one value to another, then stays: r(t) = a + (b - a) t / T up to T.
// Its integral a t + (b - a) t^2 / (2 T) is a square equation in t, solved in the form that keeps
// its digits when a is far larger than b - a.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "load/arrival.h"

namespace galileo::load {
namespace {

class Ramp final : public RateShape {
 public:
  Ramp(double from_rps, double to_rps, double seconds)
      : from_(from_rps), to_(to_rps), seconds_(seconds) {}

  std::optional<double> when(double amount, Random&) override {
    const double in_ramp = (from_ + to_) / 2 * seconds_;
    if (amount > in_ramp) {
      if (to_ <= 0) return std::nullopt;
      return seconds_ + (amount - in_ramp) / to_;
    }
    const double slope = (to_ - from_) / seconds_;
    const double root = std::sqrt(std::max(0.0, from_ * from_ + 2 * slope * amount));
    return std::min(2 * amount / (from_ + root), seconds_);
  }

  double reached(double at_s) const override {
    const double in_ramp_s = std::min(at_s, seconds_);
    const double at_its_end = from_ + (to_ - from_) * in_ramp_s / seconds_;
    return (from_ + at_its_end) / 2 * in_ramp_s + to_ * (at_s - in_ramp_s);
  }

 private:
  const double from_;
  const double to_;
  const double seconds_;
};

}  // namespace

Result<std::unique_ptr<Arrival>> make_ramp(const ArrivalSpec& spec) {
  const std::vector<double>& p = spec.parameters;
  TRY(check_rates(spec.kind, {p[0], p[1]}));
  if (p[0] + p[1] <= 0 || p[2] <= 0)
    return wrong_arrival(fmt::format("ramp({}) sends nothing", fmt::join(p, ", ")),
                         "it takes (from_rps, to_rps, seconds): one rate above 0, seconds above 0");
  return make_rate_arrival(std::make_unique<Ramp>(p[0], p[1], p[2]), spec.process);
}

}  // namespace galileo::load
