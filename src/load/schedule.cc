#include "load/schedule.h"

#include <algorithm>
#include <limits>

namespace galileo::load {

Schedule::Schedule(std::unique_ptr<Arrival> arrival, const Random& random,
                   std::optional<Duration> ends_after, std::optional<std::uint64_t> requests)
    : arrival_(std::move(arrival)),
      random_(random),
      ends_after_(ends_after),
      requests_max_(requests.value_or(std::numeric_limits<std::uint64_t>::max())) {}

Result<Schedule> Schedule::make(const ClientSpec& spec, std::uint64_t seed, std::uint32_t client,
                                Stripe stripe, std::optional<Duration> ends_after, double ahead) {
  Schedule schedule(TRY(make_arrival(spec.arrival)), Random(seed, client), ends_after,
                    spec.requests);
  schedule.arrival_->set_ahead(ahead);
  schedule.stripe_ = stripe;
  // Within the horizon, sums of times can't overflow.
  schedule.start_after_ = std::min(spec.start_after, kHorizon);
  if (spec.duration)
    schedule.ends_after_ = schedule.start_after_ + std::min(*spec.duration, kHorizon);
  return schedule;
}

std::optional<Due> Schedule::next() {
  while (count_ < requests_max_) {
    const std::optional<Duration> at = arrival_->next(random_);
    if (!at && arrival_->waiting()) return std::nullopt;
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
