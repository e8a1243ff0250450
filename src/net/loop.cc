#include "net/loop.h"

#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <future>
#include <latch>
#include <system_error>
#include <thread>

#include "base/check.h"
#include "base/output.h"

namespace galileo::net {
namespace {

constexpr std::size_t kEventsATurn = 64;

}  // namespace

struct Loop::Event {
  IoHandler* handler = nullptr;
  std::uint32_t events = 0;
};

Loop::Loop() : events_(std::make_unique<Event[]>(kEventsATurn)) {
  epoll_fd_ = epoll_create1(EPOLL_CLOEXEC);
  event_fd_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (epoll_fd_ < 0 || event_fd_ < 0) give_up("can't begin a loop", errno);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.ptr = nullptr;  // stands for the wake-up
  ENSURE(epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, event_fd_, &event) == 0, errno);
}

Loop::~Loop() {
  close(event_fd_);
  close(epoll_fd_);
}

Result<void> Loop::watch(int fd, IoHandler& handler) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &handler;
  if (epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) != 0)
    return system_error("can't watch a socket", {}, errno);
  return {};
}

Result<void> Loop::watch_listener(int fd, IoHandler& handler) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &handler;
  if (epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) != 0)
    return system_error("can't watch a socket", {}, errno);
  return {};
}

void Loop::unwatch(int fd, IoHandler& handler) {
  epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr);
  for (std::size_t i = 0; i < event_count_; ++i) {
    if (events_[i].handler == &handler) events_[i].handler = nullptr;
  }
}

void Loop::run() {
  prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  while (!stopped_) wait_and_dispatch(true);
  stopped_ = false;
}

void Loop::run_pending() {
  wait_and_dispatch(false);
}

void Loop::wait_and_dispatch(bool may_wait) {
  Time now = clock_.now();
  timers_.run_due(now);
  const Time due = may_wait ? timers_.next_due() : now;
  timespec timeout{};
  if (due != kNever) {
    const Duration wait = std::max(due - clock_.now(), Duration{0});
    timeout.tv_sec = wait.count() / 1'000'000'000;
    timeout.tv_nsec = wait.count() % 1'000'000'000;
  }
  epoll_event ready[kEventsATurn];
  const int count = stopped_ ? 0
                             : epoll_pwait2(epoll_fd_, ready, static_cast<int>(kEventsATurn),
                                            due == kNever ? nullptr : &timeout, nullptr);
  ENSURE(count >= 0 || errno == EINTR, errno);
  event_count_ = count > 0 ? static_cast<std::size_t>(count) : 0;
  for (std::size_t i = 0; i < event_count_; ++i)
    events_[i] = Event{static_cast<IoHandler*>(ready[i].data.ptr), ready[i].events};
  bool woken = false;
  for (std::size_t i = 0; i < event_count_; ++i) {
    if (ready[i].data.ptr == nullptr) {
      woken = true;
      continue;
    }
    if (events_[i].handler) events_[i].handler->on_io(events_[i].events);
    if (timers_.next_due() != kNever && i + 1 < event_count_) timers_.run_due(clock_.now());
  }
  event_count_ = 0;
  if (woken) run_posted();
}

void Loop::run_posted() {
  // One reading takes all that was written.
  std::uint64_t count = 0;
  static_cast<void>(!read(event_fd_, &count, sizeof count));
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(posted_);
  }
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    // Tasks of a desk may take long each, and there may be thousands of them.
    if (i > 0 && timers_.next_due() != kNever) timers_.run_due(clock_.now());
    tasks[i]();
  }
}

void Loop::post(std::function<void()> task) {
  bool is_first = false;
  {
    const std::lock_guard lock(mutex_);
    is_first = posted_.empty();
    posted_.push_back(std::move(task));
  }
  if (!is_first) return;  // whoever posted that one wakes the loop
  const std::uint64_t one = 1;
  // Only fails when the counter is full, and then the loop is awake already.
  static_cast<void>(!write(event_fd_, &one, sizeof one));
}

void Loop::stop() {
  post([this] { stopped_ = true; });
}

LoopThread::LoopThread(std::string name) {
  try {
    thread_ = std::thread([this, name = std::move(name)] {
      prctl(PR_SET_NAME, name.c_str(), 0UL, 0UL, 0UL);
      loop_.run();
    });
  } catch (const std::system_error& error) {
    give_up("can't start a thread", error.code().value());
  }
}

LoopThread::~LoopThread() {
  join();
}

void LoopThread::call(std::function<void()> task) {
  ENSURE(!is_current());
  std::promise<void> done;
  loop_.post([&] {
    task();
    done.set_value();
  });
  done.get_future().wait();
}

void LoopThread::join() {
  if (!thread_.joinable()) return;
  loop_.stop();
  thread_.join();
}

void call_all(const std::vector<LoopThread*>& threads,
              const std::function<void(std::size_t)>& task) {
  std::latch done(static_cast<std::ptrdiff_t>(threads.size()));
  for (std::size_t i = 0; i < threads.size(); ++i) {
    threads[i]->loop().post([&task, &done, i] {
      task(i);
      done.count_down();
    });
  }
  done.wait();
}

void pause_thread(Duration time) {
  std::this_thread::sleep_for(time);
}

void lower_thread_priority() {
  // The thread's own, which its id names on Linux. Refused, it costs only the courtesy.
  static_cast<void>(setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), 10));
}

unsigned usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<unsigned>(std::max(1, CPU_COUNT(&set)));
}

unsigned machine_cores() {
  return static_cast<unsigned>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
}

}  // namespace galileo::net
