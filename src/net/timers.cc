#include "net/timers.h"

#include <utility>

#include "base/check.h"

namespace galileo::net {

namespace {
constexpr int kFiresATurn = 64;
}

Timer::~Timer() {
  if (timers_) timers_->cancel(*this);
}

Timers::~Timers() {
  for (Timer* timer : heap_) timer->timers_ = nullptr;
}

void Timers::place(std::size_t position, Timer* timer) {
  heap_[position] = timer;
  timer->position_ = position;
}

void Timers::sift_up(std::size_t position) {
  Timer* const timer = heap_[position];
  while (position > 0) {
    const std::size_t parent = (position - 1) / 2;
    if (heap_[parent]->due_ <= timer->due_) break;
    place(position, heap_[parent]);
    position = parent;
  }
  place(position, timer);
}

void Timers::sift_down(std::size_t position) {
  Timer* const timer = heap_[position];
  while (true) {
    std::size_t child = 2 * position + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1]->due_ < heap_[child]->due_) ++child;
    if (timer->due_ <= heap_[child]->due_) break;
    place(position, heap_[child]);
    position = child;
  }
  place(position, timer);
}

void Timers::set(Timer& timer, Time due) {
  if (timer.timers_ == nullptr) {
    timer.timers_ = this;
    timer.due_ = due;
    heap_.push_back(&timer);
    sift_up(heap_.size() - 1);
    return;
  }
  ENSURE(timer.timers_ == this);
  const bool earlier = due < timer.due_;
  timer.due_ = due;
  earlier ? sift_up(timer.position_) : sift_down(timer.position_);
}

void Timers::cancel(Timer& timer) {
  if (timer.timers_ == nullptr) return;
  const std::size_t position = timer.position_;
  timer.timers_ = nullptr;
  Timer* const last = heap_.back();
  heap_.pop_back();
  if (last == &timer) return;
  place(position, last);
  sift_up(position);
  sift_down(last->position_);
}

bool Timers::run_due(Time now) {
  int fired = 0;
  while (!heap_.empty() && heap_.front()->due_ <= now && fired < kFiresATurn) {
    Timer* const timer = heap_.front();
    cancel(*timer);
    ++fired;
    timer->on_due_(now);
  }
  return fired > 0;
}

}  // namespace galileo::net
