// The event loop: sockets and timers of one thread. Level of detail on purpose small: it waits in
// epoll_pwait2 until the next timer to the nanosecond (no tick), hands each event to its handler
// and runs due timers between any two events, so that a burst of answers doesn't delay a request.
//
// One thread runs it (run()); everything else here is called on that thread, except post() and
// stop(), which are the only way in from outside.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/result.h"
#include "net/clock.h"
#include "net/timers.h"

namespace galileo::net {

// Whoever owns a file descriptor that the loop watches. `events` are EPOLLIN and its like.
class IoHandler {
 public:
  virtual void on_io(std::uint32_t events) = 0;

 protected:
  ~IoHandler() = default;
};

class Loop {
 public:
  Loop();  // aborts where the system gives no epoll at all
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  const Clock& clock() const { return clock_; }
  Timers& timers() { return timers_; }

  // Watches `fd` edge-triggered for reading, writing and hang-up until it is closed or unwatched.
  Result<void> watch(int fd, IoHandler& handler);
  // Level-triggered, for reading only: listening sockets.
  Result<void> watch_listener(int fd, IoHandler& handler);
  // Forgets `handler`, also in the events that this turn still holds.
  void unwatch(int fd, IoHandler& handler);

  // Runs until stop(). Makes the thread's timers exact (timer slack 1 ns).
  void run();

  // One turn without waiting: for slow plain code that must still hear of signals.
  void run_pending();

  // From any thread: `task` runs on the loop, after what was posted before it.
  void post(std::function<void()> task);
  // From any thread: run() returns after the current turn.
  void stop();

 private:
  void wait_and_dispatch(bool may_wait);
  void run_posted();

  RealClock clock_;
  Timers timers_;
  int epoll_fd_ = -1;
  int event_fd_ = -1;
  bool stopped_ = false;
  std::size_t event_count_ = 0;  // of the turn under way
  struct Event;
  std::unique_ptr<Event[]> events_;
  std::mutex mutex_;  // of posted_
  std::vector<std::function<void()>> posted_;
};

// A loop with a thread of its own: a data loop, or the desk of a blocking library. The destructor
// stops and joins it.
class LoopThread {
 public:
  explicit LoopThread(std::string name);
  ~LoopThread();
  Loop& loop() { return loop_; }
  // True on its own thread, which must not wait for itself.
  bool is_current() const { return std::this_thread::get_id() == thread_.get_id(); }
  // Runs `task` on the loop and waits until it is done. Never called on its own thread.
  void call(std::function<void()> task);
  void join();

 private:
  Loop loop_;
  std::thread thread_;
};

// Runs task(i) on the loop of the i-th thread, on all of them at once, and waits until all are
// done. Not from one of these threads.
void call_all(const std::vector<LoopThread*>& threads,
              const std::function<void(std::size_t)>& task);

// Lets the calling thread rest; only for desks and set-up, never on a data loop under way.
void pause_thread(Duration time);

// The calling thread gives way to others of this machine: for desks whose work can wait.
void lower_thread_priority();

// Cores that this process may use.
unsigned usable_cores();
// All cores that the machine runs on, ours or not.
unsigned machine_cores();

}  // namespace galileo::net
