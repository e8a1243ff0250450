#include "load/schedule.h"

#include <algorithm>
#include <limits>

namespace galileo::load {

Schedule::Schedule(std::unique_ptr<Arrival> arrival, const Random& random,
                   std::optional<Duration> ends_after, std::optional<std::uint64_t> requests)
    : arrival_(std::move(arrival)),
      random_(random),
      seeds_of_changes_(random),
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
  for (const ArrivalChange& change : spec.changes) {
    auto arrival = TRY(make_arrival(change.arrival));
    arrival->set_ahead(ahead);
    schedule.change(std::max(change.at, schedule.start_after_), std::move(arrival));
  }
  return schedule;
}

void Schedule::change(Duration at, std::unique_ptr<Arrival> arrival) {
  if (given_ && *given_ >= at) {
    given_.reset();
    --count_;
  }
  for (; !others_.empty() && others_.back() >= at; others_.pop_back()) --count_;
  const auto after = std::find_if(changes_.begin(), changes_.end(),
                                  [&](const Change& other) { return other.at > at; });
  changes_.insert(after, {at, std::move(arrival), Random(seeds_of_changes_.bits())});
}

std::optional<Due> Schedule::next() {
  others_.clear();
  given_.reset();
  while (count_ < requests_max_) {
    const std::optional<Duration> at = arrival_->next(random_);
    const Duration due = start_after_ + at.value_or(Duration{0});
    if (!changes_.empty() && (!at || due >= changes_.front().at)) {
      Change& change = changes_.front();
      start_after_ = change.at;
      arrival_ = std::move(change.arrival);
      random_ = change.random;
      changes_.pop_front();
      continue;
    }
    if (!at && arrival_->waiting()) return std::nullopt;
    if (!at) break;
    if (ends_after_ && due > *ends_after_) break;
    const std::uint64_t number = ++count_;
    if ((number - 1) % stripe_.count == stripe_.index) {
      given_ = due;
      return Due{due, number};
    }
    others_.push_back(due);
  }
  requests_max_ = 0;  // ended for good: the arrival isn't asked again
  return std::nullopt;
}

}  // namespace galileo::load
