#include "fleet/number_set.h"

#include <algorithm>

namespace galileo::fleet {

bool NumberSet::add(std::uint64_t number) {
  // Nearly always the next one.
  if (!stretches_.empty() && number != 0 && number - 1 == stretches_.back().last) {
    ++stretches_.back().last;
    ++count_;
    return true;
  }
  // The first stretch that ends at the number or behind it.
  const auto at =
      std::lower_bound(stretches_.begin(), stretches_.end(), number,
                       [](const Stretch& stretch, std::uint64_t n) { return stretch.last < n; });
  if (at != stretches_.end() && at->first <= number) return false;
  ++count_;
  const bool joins_next = at != stretches_.end() && at->first == number + 1;
  const bool joins_before = at != stretches_.begin() && std::prev(at)->last + 1 == number;
  if (joins_next && joins_before) {
    std::prev(at)->last = at->last;
    stretches_.erase(at);
  } else if (joins_next) {
    at->first = number;
  } else if (joins_before) {
    std::prev(at)->last = number;
  } else {
    stretches_.insert(at, {number, number});
  }
  return true;
}

bool NumberSet::unbroken_to(std::uint64_t last) const {
  return !stretches_.empty() && stretches_.front().first <= last && last <= stretches_.front().last;
}

std::uint64_t NumberSet::missing() const {
  if (stretches_.empty()) return 0;
  return stretches_.back().last - stretches_.front().first + 1 - count_;
}

std::uint64_t NumberSet::missing_up_to(std::uint64_t last) const {
  std::uint64_t seen = 0;
  for (const Stretch& stretch : stretches_) {
    if (stretch.first > last) break;
    seen += std::min(stretch.last, last) - std::max<std::uint64_t>(stretch.first, 1) + 1;
  }
  return last - std::min(seen, last);
}

}  // namespace galileo::fleet
