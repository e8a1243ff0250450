#include "load/stream_arrival.h"

#include <fmt/format.h>

#include <cmath>

#include "base/check.h"

namespace galileo::load {

Result<void> check_inter_arrivals(const std::vector<double>& between_s) {
  for (std::size_t i = 0; i < between_s.size(); ++i) {
    if (!std::isfinite(between_s[i]))
      return wrong_arrival(fmt::format("inter-arrival {} of the list isn't finite", i + 1),
                           "a list holds seconds");
  }
  return {};
}

void StreamArrival::append(std::vector<double> between_s) {
  if (ended_ || between_s.empty()) return;
  ENSURE(between_s.size() <= room(), between_s.size(), room());
  queued_ += between_s.size();
  chunks_.push_back(std::move(between_s));
}

std::optional<Duration> StreamArrival::next(Random&) {
  if (queued_ == 0) return std::nullopt;
  const bool within_horizon = elapsed_.add(chunks_.front()[position_]);
  ++position_;
  --queued_;
  ++taken_;
  if (position_ == chunks_.front().size()) {
    chunks_.pop_front();
    position_ = 0;
  }
  if (within_horizon) return elapsed_.at();
  ended_ = true;
  chunks_.clear();
  position_ = queued_ = 0;
  return std::nullopt;
}

}  // namespace galileo::load
