// A desk: one thread with a piece of work that comes again and again (a tick), which may block and
// must hold nobody else up. Whoever owns it starts it, hands it tasks that run between two ticks,
// and stops it in good order: the tick under way ends, none begins after it.
//
// Started, asked and stopped by one thread, its owner's; post() is for any thread, set_next() for
// the desk's own.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/loop.h"
#include "net/timers.h"

namespace galileo::net {

class Desk {
 public:
  // Does a piece of the work; when the next one is due. kNever: once set_next() says so.
  using Tick = std::function<Time(Time now)>;

  Desk() = default;
  ~Desk() { stop(); }
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;

  // Once, or again after stop(). The first tick is due at `first`: at once, where none is given.
  void start(const std::string& name, Tick tick, Time first = Time{});
  bool is_running() const { return is_running_; }

  // Runs `task` at the desk and waits until it is done. The desk runs.
  void call(std::function<void()> task) { thread_->call(std::move(task)); }
  void post(std::function<void()> task) { thread_->loop().post(std::move(task)); }
  // At the desk: moves the next tick.
  void set_next(Time due);

  // `last` runs at the desk behind the last tick; then the thread is over. The loop stays until
  // the next start() or the end, for what still has timers or sockets on it. Nothing where it
  // doesn't run.
  void stop(const std::function<void()>& last = {});

  // The thread's loop and clock, also once it is over; valid after start().
  Loop& loop() { return thread_->loop(); }
  const Clock& clock() const { return thread_->loop().clock(); }

 private:
  Tick tick_;
  std::unique_ptr<LoopThread> thread_;
  std::unique_ptr<Timer> timer_;
  bool is_running_ = false;
};

}  // namespace galileo::net
