#include "commands/long_work.h"

#include <fmt/format.h>
#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "base/output.h"
#include "base/text.h"
#include "net/clock.h"
#include "net/signals.h"

namespace galileo::commands {
std::string progress_text(std::uint64_t rows, std::uint64_t expected, Duration since) {
  if (expected == 0 || rows > expected) return format_count(rows) + " rows";
  const double share = static_cast<double>(rows) / static_cast<double>(expected);
  std::string text = fmt::format("{} of {} rows ({:.0f} %)", format_count(rows),
                                 format_count(expected), 100 * share);
  if (rows > 0 && rows < expected)
    text += fmt::format(", about {} left",
                        format_duration(seconds(to_seconds(since) * (1 - share) / share)));
  return text;
}

Progress::Progress(std::string command, std::uint64_t rows_expected)
    : command_(std::move(command)),
      is_watched_(isatty(STDERR_FILENO) == 1),
      expected_(rows_expected),
      began_(net::RealClock().now()),
      told_(began_) {}

Progress::~Progress() {
  if (told_ == began_) return;
  print_talk(fmt::format("galileo {}: {} rows in {}\n", command_, format_count(rows_),
                         format_duration(net::RealClock().now() - began_)));
}

void Progress::tell(std::uint64_t rows) {
  rows_ = rows;
  const Time now = net::RealClock().now();
  if (!is_watched_ || now - told_ < std::chrono::seconds{1}) return;
  told_ = now;
  print_talk(
      fmt::format("galileo {}: {}\n", command_, progress_text(rows, expected_, now - began_)));
}

LongWork::LongWork(std::string command) : progress_(std::move(command)) {
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
  progress_.tell(rows);
  return !stopped_;
}

}  // namespace galileo::commands
