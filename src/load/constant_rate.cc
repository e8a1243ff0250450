// A steady rate.
#include <fmt/format.h>

#include "load/arrival.h"

namespace galileo::load {
namespace {

class ConstantRate final : public RateShape {
 public:
  explicit ConstantRate(double rps) : rps_(rps) {}
  std::optional<double> when(double amount, Random&) override { return amount / rps_; }
  double reached(double at_s) const override { return rps_ * at_s; }

 private:
  const double rps_;
};

}  // namespace

Result<std::unique_ptr<Arrival>> make_constant_rate(const ArrivalSpec& spec) {
  TRY(check_rates(spec.kind, spec.parameters));
  const double rps = spec.parameters[0];
  if (rps <= 0)
    return wrong_arrival(fmt::format("a rate of {} sends nothing", rps), "give a rate above 0");
  return make_rate_arrival(std::make_unique<ConstantRate>(rps), spec.process);
}

}  // namespace galileo::load
