// What a run looks like while it goes on: some lines that are drawn over and over in a terminal, or
// one line a second where there is none. Pure functions from a snapshot to text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "analysis/summary.h"
#include "base/time.h"

namespace galileo::experiment {

struct LiveState {
  std::string name;
  std::string phase;
  Duration elapsed{0};
  std::optional<std::uint64_t> requests_expected;
  std::optional<Duration> duration_expected;
  analysis::LiveFigures figures;
  std::uint64_t intended = 0;
  std::uint64_t answered = 0;
  std::uint64_t failed = 0;
  std::uint64_t not_sent = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t connections = 0;
  double cpu_pct = -1;  // of the machine; -1: not known
  bool stopping = false;
  std::string trouble;  // a disk that is full, an application that has ended
};

// Share of the run that is over, 0 to 1; nothing where its end isn't known.
std::optional<double> progress(const LiveState& state);

// For a terminal of that width; each line ends in '\n' and fits.
std::string live_lines(const LiveState& state, int width);

// The same, to be drawn over and over: the cursor stays at the view's beginning, which kViewEnd
// clears away.
std::string drawn_lines(const LiveState& state, int width);
inline constexpr const char* kViewEnd = "\r\x1b[K\n\x1b[J\x1b[A";

// The one line a second.
std::string live_line(const LiveState& state);

}  // namespace galileo::experiment
