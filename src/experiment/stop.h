// How a run is told to end, from any thread, also before it begins: by a signal, a caller over
// HTTP, a key. One a run. The run's own loop is in it, which outlives whoever asks.
#pragma once

#include <functional>
#include <utility>

#include "net/loop.h"

namespace galileo::experiment {

// Made before the run by whoever may end it, and outlives it. Asking is safe at any time: a
// run that was asked before it begins ends at once, and after its end nobody hears.
class Stop {
 public:
  // From any thread. The first time ends the sending, and what is under way a moment later; the
  // second ends all at once, and leaves in the spool what the database hasn't taken yet.
  void ask() {
    loop_.post([this] { note(); });
  }
  // Both at once.
  void ask_now() {
    ask();
    ask();
  }

  // The rest is the run's, on its thread.
  net::Loop& loop() { return loop_; }
  unsigned times() const { return times_; }
  // Called each time from now on.
  void on_asked(std::function<void()> call) { on_asked_ = std::move(call); }

 private:
  void note() {
    ++times_;
    if (on_asked_) on_asked_();
  }

  net::Loop loop_;
  unsigned times_ = 0;
  std::function<void()> on_asked_;
};

}  // namespace galileo::experiment
