#include "commands/live_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "base/utf8.h"

namespace galileo::commands {
namespace {

std::string bar(double share, int width) {
  const int full = std::clamp(static_cast<int>(share * width), 0, width);
  std::string text;
  for (int i = 0; i < width; ++i) text += i < full ? "█" : "░";
  return text;
}

std::string cpu_text(double cpu_pct) {
  return cpu_pct < 0 ? std::string("-") : fmt::format("{:.0f} %", cpu_pct);
}

// Shows it as the summary does: a time that too few requests tell of is none.
std::string time_text(const std::optional<Duration>& time) {
  return time ? format_duration(*time) : "–";
}

}  // namespace

// None of our texts has wide characters, so code points count.
std::string cut_to_columns(const std::string& line, int width) {
  int columns = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const bool begins = (static_cast<unsigned char>(line[i]) & 0xc0) != 0x80;
    if (begins && ++columns > width) return line.substr(0, i);  // a terminal that is too narrow
  }
  return line;
}

std::optional<double> progress(const experiment::RunState& state) {
  std::optional<double> share;
  if (state.requests_expected && *state.requests_expected > 0)
    share = static_cast<double>(state.intended) / static_cast<double>(*state.requests_expected);
  if (state.duration_expected && state.duration_expected->count() > 0)
    share = std::max(share.value_or(0),
                     to_seconds(state.elapsed) / to_seconds(*state.duration_expected));
  if (share) share = std::clamp(*share, 0.0, 1.0);
  return share;
}

std::string live_lines(const experiment::RunState& state, int width, const std::string& keys) {
  const analysis::LiveFigures& f = state.figures;
  std::string head = fmt::format("{} · {} · {}", one_line(state.name), one_line(state.phase),
                                 format_duration(state.elapsed));
  if (const auto share = progress(state))
    head += fmt::format("  {} {:3.0f} %", bar(*share, 20), *share * 100);
  if (state.stopping)
    head += "  stopping";
  else if (state.paused)
    head += "  paused";
  std::string text;
  const auto add = [&](const std::string& line) { text += cut_to_columns(line, width) + "\n"; };
  add(head);
  // Each in the 80 columns that every terminal has, with the largest numbers too.
  add(fmt::format("  rate      offered {:>9.1f}/s   achieved {:>9.1f}/s   CPU {}", f.offered_rps,
                  f.achieved_rps, cpu_text(state.cpu_pct)));
  add(fmt::format("  latency   p50 {:>9}  p99 {:>9}  scheduling delay p99 {:>9}{}",
                  time_text(f.p50), time_text(f.p99), time_text(f.dispatch_p99),
                  f.so_far ? "  so far" : ""));
  add(fmt::format("  requests  {} due   {} answered   {} in flight", format_count(state.intended),
                  format_count(state.answered), format_count(state.in_flight)));
  add(fmt::format("  errors    {} failed   {} not sent   {} connections",
                  format_count(state.failed), format_count(state.not_sent),
                  format_count(state.connections)));
  if (!state.trouble.empty()) add("  ! " + one_line(state.trouble));
  if (!keys.empty() && !state.stopping) add("  keys      " + keys);
  return text;
}

std::string drawn_lines(const experiment::RunState& state, int width, const std::string& keys) {
  // The cursor goes back to where it was: the terminal may be made narrower or wider meanwhile, and
  // fold the lines below the cursor as it likes. Row by row, and what is below at last: a terminal
  // that is cleared from its top keeps what it showed in its history, five times a second.
  std::string text = "\r";
  const std::string lines = live_lines(state, width, keys);
  const auto count = std::count(lines.begin(), lines.end(), '\n');
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = lines.find('\n', at) + 1;
    text += "\x1b[K" + lines.substr(at, end - at);
    at = end;
  }
  return text + fmt::format("\x1b[J\x1b[{}A", count);
}

std::string live_line(const experiment::RunState& state) {
  const analysis::LiveFigures& f = state.figures;
  std::string line = fmt::format(
      "{:>6}  {}  offered {:.1f}/s  achieved {:.1f}/s  in flight {}  p50 {}  p99 {}{}  errors {}  "
      "delay p99 {}  cpu {}",
      format_duration(state.elapsed), state.phase, f.offered_rps, f.achieved_rps, state.in_flight,
      time_text(f.p50), time_text(f.p99), f.so_far ? " so far" : "", state.failed + state.not_sent,
      time_text(f.dispatch_p99), cpu_text(state.cpu_pct));
  if (const auto share = progress(state)) line += fmt::format("  {:.0f}%", *share * 100);
  if (!state.trouble.empty()) line += "  ! " + state.trouble;
  return line + "\n";
}

}  // namespace galileo::commands
