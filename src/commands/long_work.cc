#include "commands/long_work.h"

#include <fmt/format.h>
#include <pthread.h>

#include <csignal>
#include <cstdio>

#include "base/output.h"
#include "base/text.h"
#include "net/clock.h"
#include "net/signals.h"

namespace galileo::commands {
LongWork::LongWork(std::string command)
    : command_(std::move(command)), told_(net::RealClock().now()) {
  net::hold_signals();
}

LongWork::~LongWork() {
  const sigset_t set = net::stop_signals();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

bool LongWork::go_on(std::uint64_t rows) {
  const sigset_t set = net::stop_signals();
  const timespec at_once{0, 0};
  if (sigtimedwait(&set, nullptr, &at_once) > 0) stopped_ = true;
  const Time now = net::RealClock().now();
  if (now - told_ >= std::chrono::seconds{1}) {
    told_ = now;
    print_talk(fmt::format("galileo {}: {} rows\n", command_, format_count(rows)));
  }
  return !stopped_;
}

}  // namespace galileo::commands
