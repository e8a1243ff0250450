#include "commands/waiting_view.h"

#include <fmt/format.h>

#include <utility>

#include "base/text.h"
#include "base/utf8.h"
#include "commands/live_view.h"

namespace galileo::commands {
namespace {

constexpr Duration kDrawWaitEvery = std::chrono::milliseconds{200};
// A wait that is over at once needs no line.
constexpr Duration kFirstLine = std::chrono::seconds{2};
constexpr Duration kWaitLineEvery = std::chrono::seconds{10};
constexpr const char* kClear = "\r\x1b[K";

// To the second: it is drawn over and over.
std::string left_text(Duration left) {
  if (left < std::chrono::seconds{1}) return "no time left";
  return format_duration(std::chrono::floor<std::chrono::seconds>(left)) + " left";
}

}  // namespace

std::string waiting_text(const experiment::Waiting& waiting) {
  std::string text = waiting.all > 0
                         ? fmt::format("{} of {} {}", format_count(waiting.done),
                                       format_count(waiting.all), waiting.what)
                         : fmt::format("{}: {}", waiting.what, format_count(waiting.done));
  if (!waiting.latest.empty()) text += "; " + one_line(waiting.latest);
  if (waiting.left) text += "; " + left_text(*waiting.left);
  return text;
}

std::string WaitingView::take(const experiment::Waiting& waiting, Time now, int width) {
  if (waiting.what != what_) {
    what_ = waiting.what;
    began_ = now;
    printed_ = Time{};
    shown_.clear();
  }
  if (waiting.what.empty()) return std::exchange(is_drawn_, false) ? kClear : std::string();
  if (draws_) {
    if (now - printed_ < kDrawWaitEvery) return {};
    printed_ = now;
    is_drawn_ = true;
    return kClear + cut_to_columns("waiting: " + waiting_text(waiting), width - 1);
  }
  if (now - began_ < kFirstLine || now - printed_ < kWaitLineEvery) return {};
  // What has changed but for the time.
  experiment::Waiting without_time = waiting;
  without_time.left.reset();
  const std::string line = waiting_text(without_time);
  if (line == shown_) return {};
  shown_ = line;
  printed_ = now;
  return "waiting: " + waiting_text(waiting) + "\n";
}

}  // namespace galileo::commands
