// SIGINT, SIGTERM and SIGHUP as events of a loop: how the control loop hears that the user wants to
// stop. Blocks them for the calling thread and those it starts later, so make it before any thread.
// One a process.
#pragma once

#include <csignal>
#include <functional>

#include "net/loop.h"

namespace galileo::net {

class Signals final : private IoHandler {
 public:
  // `on_signal` runs on the loop, with the signal's number, each time one comes.
  Signals(Loop& loop, std::function<void(int)> on_signal);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

 private:
  void on_io(std::uint32_t events) override;

  Loop& loop_;
  std::function<void(int)> on_signal_;
  int fd_ = -1;
};

// These signals; without SIGHUP where the process was started with that one ignored, as by nohup.
sigset_t stop_signals();

// One of them has come, and nobody has heard of it yet: for what waits without a loop that would.
// Any thread; false where they aren't held.
bool signal_waits();

// Blocks these signals for the calling thread and those it starts, where threads are started before
// there is a Signals to hear of them. What comes meanwhile waits for it.
void hold_signals();

}  // namespace galileo::net
