// Which numbers of a count have been seen: requests of a client, batches of a worker. Kept as
// stretches, so that a million numbers that came nearly in order take a few bytes. Value; not
// thread-safe.
#pragma once

#include <cstdint>
#include <vector>

namespace galileo::fleet {

class NumberSet {
 public:
  // False where it has been seen before.
  bool add(std::uint64_t number);
  std::uint64_t count() const { return count_; }
  std::uint64_t last() const { return stretches_.empty() ? 0 : stretches_.back().last; }
  // Whether that one and all from the first one seen up to it have been seen.
  bool unbroken_to(std::uint64_t last) const;
  // Numbers between the first and the last one seen that haven't been.
  std::uint64_t missing() const;
  // Those from 1 up to `last` that haven't been.
  std::uint64_t missing_up_to(std::uint64_t last) const;

 private:
  struct Stretch {
    std::uint64_t first;
    std::uint64_t last;
  };
  std::vector<Stretch> stretches_;  // in order, never touching
  std::uint64_t count_ = 0;
};

}  // namespace galileo::fleet
