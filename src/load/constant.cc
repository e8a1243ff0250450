// Even inter-arrivals. The n-th request is due at n times the inter-arrival, multiplied, not summed
// up, so that no rounding adds up over millions of requests.
#include <fmt/format.h>

#include <cmath>

#include "load/arrival.h"

namespace galileo::load {
namespace {

class Constant final : public Arrival {
 public:
  explicit Constant(double between_s) : between_ns_(between_s * 1e9) {}
  std::optional<Duration> next(Random&) override {
    const double at_ns = ++count_ * between_ns_;
    if (!(at_ns < 9e18)) return std::nullopt;
    return Duration{std::llround(at_ns)};
  }

 private:
  const double between_ns_;
  double count_ = 0;
};

class ConstantRate final : public RateShape {
 public:
  explicit ConstantRate(double rps) : rps_(rps) {}
  std::optional<double> when(double amount, Random&) override { return amount / rps_; }

 private:
  const double rps_;
};

}  // namespace

Result<std::unique_ptr<Arrival>> make_constant(const ArrivalSpec& spec) {
  if (spec.parameters.empty() || spec.parameters[0] <= 0)
    return wrong_arrival("constant needs a time above 0 between requests", {});
  return std::unique_ptr<Arrival>(std::make_unique<Constant>(spec.parameters[0]));
}

Result<std::unique_ptr<Arrival>> make_constant_rate(const ArrivalSpec& spec) {
  if (spec.parameters[0] <= 0)
    return wrong_arrival(fmt::format("a rate of {} sends nothing", spec.parameters[0]),
                         "give a rate above 0");
  return make_rate_arrival(std::make_unique<ConstantRate>(spec.parameters[0]), spec.process);
}

}  // namespace galileo::load
