// Counts and flags that one thread makes and others read, and bounds that threads keep together.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "base/time.h"

namespace galileo {

// One writer, any number of readers; a reader may see a count a moment old.
class RelaxedCounter {
 public:
  void add(std::uint64_t n) {
    count_.store(count_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  std::uint64_t load() const { return count_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> count_{0};
};

// Yes or no, set by one thread and read by others, who may see it a moment late.
class RelaxedFlag {
 public:
  void set(bool value) { value_.store(value, std::memory_order_relaxed); }
  bool load() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> value_{false};
};

// A moment, set by one thread and read by others, who may see it a moment late.
class RelaxedTime {
 public:
  void set(Time value) {
    value_.store(value.time_since_epoch().count(), std::memory_order_relaxed);
  }
  Time load() const { return Time{Duration{value_.load(std::memory_order_relaxed)}}; }

 private:
  std::atomic<std::int64_t> value_{0};
};

// How many there are of something, of which any thread may take one and give it back.
class SharedCount {
 public:
  // False: there are as many as may be.
  bool take(std::uint64_t most) {
    std::uint64_t count = count_.load(std::memory_order_relaxed);
    while (count < most) {
      if (count_.compare_exchange_weak(count, count + 1, std::memory_order_relaxed)) return true;
    }
    return false;
  }
  void give_back() { count_.fetch_sub(1, std::memory_order_relaxed); }
  std::uint64_t load() const { return count_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> count_{0};
};

// A place in an order that threads go through together: each step is one thread's.
class SharedPlace {
 public:
  // Begins here where nobody has been before; 0 says that nobody was.
  void begin_at(std::uint64_t place) {
    std::uint64_t nobody = 0;
    place_.compare_exchange_strong(nobody, place, std::memory_order_relaxed);
  }
  // Goes on to next(place), which is pure, and gives that.
  template <class F>
  std::uint64_t advance(F&& next) {
    std::uint64_t place = place_.load(std::memory_order_relaxed);
    while (true) {
      const std::uint64_t step = next(place);
      if (place_.compare_exchange_weak(place, step, std::memory_order_relaxed)) return step;
    }
  }
  std::uint64_t load() const { return place_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> place_{0};
};

// A rate that any thread takes from: one each interval, and up to `burst` at once after a while
// without any (the generic cell rate algorithm: all its state is the time up to which it is used).
class SharedRate {
 public:
  // False: not now.
  bool take(Time now, Duration interval, std::uint32_t burst) {
    const std::int64_t at = now.time_since_epoch().count();
    const std::int64_t ahead = interval.count() * std::max<std::int64_t>(burst, 1);
    std::int64_t used = used_until_.load(std::memory_order_relaxed);
    while (true) {
      const std::int64_t next = std::max(used, at) + interval.count();
      if (next - at > ahead) return false;
      if (used_until_.compare_exchange_weak(used, next, std::memory_order_relaxed)) return true;
    }
  }

 private:
  std::atomic<std::int64_t> used_until_{0};
};

}  // namespace galileo
