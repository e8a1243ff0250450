// Keeps the report's document within a size. A long run with many series of telemetry makes a
// document of several MiB; a report has to open quickly and to fit into a mail. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace galileo::analysis {

// The result document `json` with less detail where it is longer than `size_max` bytes, and as it
// is otherwise. Given up, one after another, until it fits: digits of telemetry that no chart
// shows, a plan or file text longer than 64 KiB, every other point of telemetry (two become one:
// their mean, their largest value), whole series. What was given up stands in the document's notes.
// Text that isn't a result document is returned as it is.
std::string within_size(std::string_view json, std::size_t size_max);

}  // namespace galileo::analysis
