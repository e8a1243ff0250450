// Inter-arrivals from a list: a profile.
#include <cmath>

#include "load/arrival.h"

namespace galileo::load {
namespace {

class Prerecorded final : public Arrival {
 public:
  explicit Prerecorded(std::vector<double> between_s) : between_s_(std::move(between_s)) {}
  std::optional<Duration> next(Random&) override {
    if (position_ == between_s_.size()) return std::nullopt;
    const double wait_s = between_s_[position_++];
    if (wait_s > 0) {
      if (!(to_seconds(at_) + wait_s < 9e9)) return std::nullopt;
      at_ += Duration{std::llround(wait_s * 1e9)};
    }
    return at_;
  }

 private:
  const std::vector<double> between_s_;
  std::size_t position_ = 0;
  Duration at_{0};
};

}  // namespace

// The parameters are ignored, as on the old wire.
Result<std::unique_ptr<Arrival>> make_prerecorded(const ArrivalSpec& spec) {
  if (spec.recorded_s.empty())
    return wrong_arrival("prerecorded has no inter-arrivals", "give a profile file or a list");
  return std::unique_ptr<Arrival>(std::make_unique<Prerecorded>(spec.recorded_s));
}

}  // namespace galileo::load
