// Inter-arrivals from a list: a profile.
#include <span>

#include "load/arrival.h"
#include "load/elapsed.h"
#include "load/stream_arrival.h"

namespace galileo::load {
namespace {

// The list is the spec's, however many clients follow it.
class Prerecorded final : public Arrival {
 public:
  explicit Prerecorded(std::span<const double> between_s) : between_s_(between_s) {}
  std::optional<Duration> next(Random&) override {
    if (position_ == between_s_.size()) return std::nullopt;
    if (!elapsed_.add(between_s_[position_])) return std::nullopt;
    ++position_;
    return elapsed_.at();
  }
  double expected(Duration within) const override {
    Elapsed elapsed;
    double count = 0;
    for (const double wait_s : between_s_) {
      if (!elapsed.add(wait_s) || elapsed.at() > within) break;
      ++count;
    }
    return count;
  }

 private:
  const std::span<const double> between_s_;
  std::size_t position_ = 0;
  Elapsed elapsed_;
};

}  // namespace

// The parameters are ignored, as on the old wire.
Result<std::unique_ptr<Arrival>> make_prerecorded(const ArrivalSpec& spec) {
  if (spec.recorded_s.empty())
    return wrong_arrival("prerecorded has no inter-arrivals", "give a profile file or a list");
  TRY(check_inter_arrivals(spec.recorded_s));
  return std::unique_ptr<Arrival>(std::make_unique<Prerecorded>(spec.recorded_s));
}

}  // namespace galileo::load
