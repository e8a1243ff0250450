#include "commands/terminal_keys.h"

#include <unistd.h>

#include <array>
#include <utility>

namespace galileo::commands {
namespace {

using experiment::SteerOrder;

constexpr double kMore = 1.1;

bool is_ours_alone() {
  return isatty(STDIN_FILENO) == 1 && tcgetpgrp(STDIN_FILENO) == getpgrp();
}

}  // namespace

TerminalKeys::TerminalKeys(experiment::Stop& stop, experiment::Steering& steering, Refused refused)
    : loop_(stop.loop()), steering_(steering), refused_(std::move(refused)) {
  if (!is_ours_alone() || tcgetattr(STDIN_FILENO, &before_) != 0) return;
  termios by_key = before_;
  by_key.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  by_key.c_cc[VMIN] = 0;  // a read never waits
  by_key.c_cc[VTIME] = 0;
  if (!loop_.watch(STDIN_FILENO, *this).ok()) return;
  taken_ = tcsetattr(STDIN_FILENO, TCSANOW, &by_key) == 0;
  if (!taken_) loop_.unwatch(STDIN_FILENO, *this);
}

TerminalKeys::~TerminalKeys() {
  if (!taken_) return;
  loop_.unwatch(STDIN_FILENO, *this);
  // Who went on in the background, and isn't the terminal's any more, leaves it alone.
  if (is_ours_alone()) tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

void TerminalKeys::on_io(std::uint32_t) {
  if (!is_ours_alone()) return;
  std::array<char, 16> keys{};
  const ssize_t count = read(STDIN_FILENO, keys.data(), keys.size());
  for (ssize_t i = 0; i < count; ++i) press(keys[static_cast<std::size_t>(i)]);
}

void TerminalKeys::press(char key) {
  SteerOrder order;
  order.by = "a key";
  switch (key) {
    case 'p':
    case ' ':
      order.kind = paused_ ? SteerOrder::Kind::kGoOn : SteerOrder::Kind::kPause;
      return ask(order);
    case '+':
    case '-':
      order.kind = SteerOrder::Kind::kRate;
      order.factor = key == '+' ? kMore : 1 / kMore;
      return ask(order);
    case 'e':
      order.kind = SteerOrder::Kind::kEnd;
      return ask(order);
    default:
      return;  // arrows and the like come as several
  }
}

void TerminalKeys::ask(const SteerOrder& order) {
  steering_.ask(order, [this, kind = order.kind](const Result<experiment::Steered>& done) {
    if (!done.ok()) return refused_(done.error().why);
    refused_({});
    if (kind == SteerOrder::Kind::kPause) paused_ = true;
    if (kind == SteerOrder::Kind::kGoOn) paused_ = false;
  });
}

}  // namespace galileo::commands
