#include "net/desk.h"

#include <utility>

namespace galileo::net {

void Desk::start(const std::string& name, Tick tick, Time first) {
  tick_ = std::move(tick);
  timer_.reset();  // before the loop that it may be set on
  thread_ = std::make_unique<LoopThread>(name);
  timer_ = std::make_unique<Timer>([this](Time now) { set_next(tick_(now)); });
  is_running_ = true;
  thread_->loop().post([this, first] { set_next(first); });
}

void Desk::set_next(Time due) {
  Timers& timers = thread_->loop().timers();
  if (due == kNever)
    timers.cancel(*timer_);
  else
    timers.set(*timer_, due);
}

void Desk::stop(const std::function<void()>& last) {
  if (!std::exchange(is_running_, false)) return;
  thread_->call([&] {
    thread_->loop().timers().cancel(*timer_);
    if (last) last();
  });
  thread_->join();
}

}  // namespace galileo::net
