// The only place that reads clocks. Code that waits or stamps takes a Clock, so that tests are the
// clock (ManualClock). Stateless or single-owner; RealClock may be used from any thread.
#pragma once

#include <ctime>

#include "base/time.h"

namespace galileo::net {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() const = 0;
};

class RealClock final : public Clock {
 public:
  Time now() const override { return Time{read(CLOCK_MONOTONIC)}; }

  // Ties wall to monotonic time, now. Called once, at the start of a run.
  WallClock wall_clock() const { return WallClock{now(), Wall{read(CLOCK_REALTIME)}}; }
  // As the wall clock is set at present: stamps of a process that outlives its corrections.
  static Wall wall_now() { return Wall{read(CLOCK_REALTIME)}; }
  // CPU time that the calling thread has used, user and system.
  static Duration thread_cpu() { return read(CLOCK_THREAD_CPUTIME_ID); }
  // CPU time that the process has used, user and system, all threads.
  static Duration process_cpu() { return read(CLOCK_PROCESS_CPUTIME_ID); }

 private:
  static Duration read(clockid_t id) {
    timespec now{};
    clock_gettime(id, &now);
    return std::chrono::seconds{now.tv_sec} + Duration{now.tv_nsec};
  }
};

// Stands still until it is moved.
class ManualClock final : public Clock {
 public:
  Time now() const override { return now_; }
  void advance(Duration by) { now_ += by; }
  void set(Time now) { now_ = now; }

 private:
  Time now_{std::chrono::seconds{1000}};
};

}  // namespace galileo::net
