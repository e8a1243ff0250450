#include "experiment/live_rates.h"

#include <algorithm>

namespace galileo::experiment {
namespace {

constexpr Duration kWindow = std::chrono::seconds{1};

}  // namespace

void LiveRates::add(Time at, const Counts& counts) {
  readings_.push_back({at, counts});
  // The first one that stays is a window old, or older where readings are rare.
  while (readings_.size() > 2 && at - readings_[1].at >= kWindow) readings_.pop_front();
}

LiveRates::Rates LiveRates::rates() const {
  if (readings_.size() < 2) return {};
  const Reading& from = readings_.front();
  const Reading& to = readings_.back();
  const double span_s = to_seconds(to.at - from.at);
  if (span_s <= 0) return {};
  // A fleet may tell its counts anew, and less than they were.
  const auto rate = [&](std::uint64_t before, std::uint64_t now) {
    return static_cast<double>(now - std::min(before, now)) / span_s;
  };
  return {rate(from.counts.offered, to.counts.offered),
          rate(from.counts.achieved, to.counts.achieved),
          rate(from.counts.failed, to.counts.failed)};
}

}  // namespace galileo::experiment
