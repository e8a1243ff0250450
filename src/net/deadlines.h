// Deadlines that are all the same time away, so that they run out in the order in which they began:
// a linked list instead of a heap, two pointers moved to begin and to end one. A request's time-out
// costs nothing more, at any rate. Lives on one loop.
#pragma once

#include <functional>

#include "net/timers.h"

namespace galileo::net {

class Deadlines;

// A member of whatever has a deadline; ends with it.
class Deadline {
 public:
  Deadline() = default;
  ~Deadline() { end(); }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  void end();
  bool is_set() const { return list_ != nullptr; }

 private:
  friend class Deadlines;
  Deadlines* list_ = nullptr;
  Deadline* previous_ = nullptr;
  Deadline* next_ = nullptr;
  Time due_{};
};

class Deadlines {
 public:
  // `on_due` gets each Deadline that has run out; it has left the list by then.
  Deadlines(Timers& timers, Duration after, std::function<void(Deadline&)> on_due)
      : timers_(timers),
        after_(after),
        on_due_(std::move(on_due)),
        timer_([this](Time now) { expire(now); }) {}
  ~Deadlines() {
    while (first_) first_->end();
  }
  Deadlines(const Deadlines&) = delete;
  Deadlines& operator=(const Deadlines&) = delete;

  void begin(Deadline& deadline, Time now) {
    deadline.end();
    deadline.list_ = this;
    deadline.due_ = now + after_;
    deadline.previous_ = last_;
    (last_ ? last_->next_ : first_) = &deadline;
    last_ = &deadline;
    // The timer is left where it is as deadlines end: it fires, sees, and moves on.
    if (!timer_.is_set()) timers_.set(timer_, deadline.due_);
  }

 private:
  friend class Deadline;
  void remove(Deadline& deadline) {
    (deadline.previous_ ? deadline.previous_->next_ : first_) = deadline.next_;
    (deadline.next_ ? deadline.next_->previous_ : last_) = deadline.previous_;
    deadline.list_ = nullptr;
    deadline.previous_ = deadline.next_ = nullptr;
  }
  void expire(Time now) {
    while (first_ && first_->due_ <= now) {
      Deadline& deadline = *first_;
      remove(deadline);
      on_due_(deadline);
    }
    if (first_ && !timer_.is_set()) timers_.set(timer_, first_->due_);
  }

  Timers& timers_;
  const Duration after_;
  std::function<void(Deadline&)> on_due_;
  Timer timer_;
  Deadline* first_ = nullptr;
  Deadline* last_ = nullptr;
};

inline void Deadline::end() {
  if (list_) list_->remove(*this);
}

}  // namespace galileo::net
