// What a run looks like while it goes on: some lines that are drawn over and over in a terminal, or
// one line a second where there is none. Pure functions from a snapshot to text.
#pragma once

#include <optional>
#include <string>

#include "experiment/run_watcher.h"

namespace galileo::commands {

// Share of the run that is over, 0 to 1; nothing where its end isn't known.
std::optional<double> progress(const experiment::RunState& state);

// Fits a terminal of that width; each line ends in '\n' and fits.
// `keys`: a last line, which of them do something.
std::string live_lines(const experiment::RunState& state, int width, const std::string& keys = {});

// The same, to be drawn over and over: the cursor stays at the view's beginning, which kViewEnd
// clears away.
std::string drawn_lines(const experiment::RunState& state, int width, const std::string& keys = {});
inline constexpr const char* kViewEnd = "\r\x1b[K\n\x1b[J\x1b[A";

// The line, cut where a terminal of that width ends.
std::string cut_to_columns(const std::string& line, int width);

// The one line a second.
std::string live_line(const experiment::RunState& state);

}  // namespace galileo::commands
