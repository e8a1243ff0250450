#include "commands/terminal_watcher.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/output.h"
#include "base/text.h"
#include "commands/live_view.h"
#include "net/clock.h"

namespace galileo::commands {
namespace {

constexpr Duration kDrawEvery = std::chrono::milliseconds{200};
constexpr Duration kLineEvery = std::chrono::seconds{1};
constexpr Duration kStoringEvery = std::chrono::seconds{2};

// Now: it may be made narrower or wider at any time.
int terminal_width() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

}  // namespace

std::optional<Duration> TerminalWatcher::state_every() const {
  if (quiet_) return std::nullopt;
  return draws_ ? kDrawEvery : kLineEvery;
}

void TerminalWatcher::on_state(const experiment::RunState& state) {
  if (!draws_) {
    print_talk(live_line(state));
    return;
  }
  if (said_.empty() || !state.trouble.empty()) {
    draw_talk(drawn_lines(state, terminal_width(), keys_));
  } else {
    experiment::RunState told = state;
    told.trouble = said_;
    draw_talk(drawn_lines(told, terminal_width(), keys_));
  }
  is_drawn_ = true;
}

void TerminalWatcher::on_sending_over() {
  if (is_drawn_) draw_talk(kViewEnd);
  is_drawn_ = false;
}

void TerminalWatcher::on_waiting(const experiment::Waiting& waiting) {
  if (quiet_) return;
  const std::string text = waiting_.take(waiting, net::RealClock().now(), terminal_width());
  if (!text.empty()) draw_talk(text);
}

// A database that is slow or away: what is waited for, and how to leave. One try at a locked one
// may take seconds, so that lines may be further apart.
void TerminalWatcher::on_storing(const experiment::Storing& storing) {
  if (storing.waited < storing_told_) storing_told_ = Duration{0};  // another wait
  if (quiet_ || storing.waited - storing_told_ < kStoringEvery) return;
  print_talk(fmt::format("{} of {} traces are in the database; Ctrl-C leaves the rest in {}\n",
                         format_count(storing.traces_stored), format_count(storing.traces_made),
                         storing.spool));
  storing_told_ = storing.waited;
}

}  // namespace galileo::commands
