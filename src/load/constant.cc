// Even inter-arrivals. The n-th request is due at n times the inter-arrival, multiplied, not summed
// up, so that no rounding adds up over millions of requests.
#include <cmath>

#include "load/arrival.h"

namespace galileo::load {
namespace {

class Constant final : public Arrival {
 public:
  explicit Constant(double between_s) : between_ns_(between_s * 1e9) {}
  std::optional<Duration> next(Random&) override {
    count_ += 1;
    const double at_ns = count_ * between_ns_;
    if (!(at_ns < static_cast<double>(kHorizon.count()))) return std::nullopt;
    return Duration{std::llround(at_ns)};
  }
  double expected(Duration within) const override { return expected_together(within, 1); }
  void set_ahead(double share) override { count_ = -share; }
  double expected_together(Duration within, std::uint32_t clients) const override {
    return std::floor(clients * (static_cast<double>(within.count()) / between_ns_) + 1e-6);
  }

 private:
  const double between_ns_;
  double count_ = 0;
};

}  // namespace

Result<std::unique_ptr<Arrival>> make_constant(const ArrivalSpec& spec) {
  if (unpaced(spec)) return wrong_arrival("constant needs a time above 0 between requests", {});
  return std::unique_ptr<Arrival>(std::make_unique<Constant>(spec.parameters[0]));
}

}  // namespace galileo::load
