#include "load/schedule.h"

#include <algorithm>
#include <limits>

namespace galileo::load {

Schedule::Schedule(std::unique_ptr<Arrival> arrival, const Random& random)
    : arrival_(std::move(arrival)), random_(random) {}

Result<Schedule> Schedule::make(const ClientSpec& spec, std::uint64_t seed, std::uint32_t client,
                                Stripe stripe, std::optional<Duration> ends_after) {
  Schedule schedule(TRY(make_arrival(spec.arrival)), Random(seed, client));
  schedule.stripe_ = stripe;
  // Within the horizon, sums of times can't overflow.
  schedule.start_after_ = std::min(spec.start_after, kHorizon);
  schedule.ends_after_ = ends_after;
  if (spec.duration)
    schedule.ends_after_ = schedule.start_after_ + std::min(*spec.duration, kHorizon);
  schedule.requests_max_ = spec.requests.value_or(std::numeric_limits<std::uint64_t>::max());
  return schedule;
}

std::optional<Due> Schedule::next() {
  while (count_ < requests_max_) {
    const std::optional<Duration> at = arrival_->next(random_);
    if (!at) break;
    const Duration due = start_after_ + *at;
    if (ends_after_ && due > *ends_after_) break;
    const std::uint64_t number = ++count_;
    if ((number - 1) % stripe_.count == stripe_.index) return Due{due, number};
  }
  requests_max_ = 0;  // ended for good: the arrival isn't asked again
  return std::nullopt;
}

}  // namespace galileo::load
