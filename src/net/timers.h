// Timers of one event loop, to the nanosecond: a binary heap that knows where each timer lies, so
// that setting, moving and cancelling cost O(log n) and nothing is allocated per use. Passive: it
// is told the time. Lives on one loop.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "base/time.h"

namespace galileo::net {

class Timers;

// Owned by whoever waits; cancelled by its destructor. Neither copied nor moved while set.
class Timer {
 public:
  explicit Timer(std::function<void(Time now)> on_due) : on_due_(std::move(on_due)) {}
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  bool is_set() const { return timers_ != nullptr; }
  Time due() const { return due_; }

 private:
  friend class Timers;
  std::function<void(Time now)> on_due_;
  Time due_{};
  Timers* timers_ = nullptr;
  std::size_t position_ = 0;
};

class Timers {
 public:
  ~Timers();
  // Sets or moves `timer`; it fires once, at the first run_due() at or after `due`.
  void set(Timer& timer, Time due);
  void cancel(Timer& timer);
  // When the next timer is due, kNever without any.
  Time next_due() const { return heap_.empty() ? kNever : heap_.front()->due_; }
  // Fires what is due at `now`, in order; timers set meanwhile for `now` or before fire too, up to
  // a bound, so that a timer that sets itself again cannot hold the loop. True when any fired.
  bool run_due(Time now);
  std::size_t size() const { return heap_.size(); }

 private:
  void place(std::size_t position, Timer* timer);
  void sift_up(std::size_t position);
  void sift_down(std::size_t position);

  std::vector<Timer*> heap_;
};

}  // namespace galileo::net
