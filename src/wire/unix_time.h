// Times as the bus's lines have them: seconds since the Unix epoch with decimals,
// "1795528517.9761946". They are read and written as whole nanoseconds, so that no digit is lost on
// the way through a double. Pure functions; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace galileo::wire {

// Appends the time rounded to that many decimals, 1 to 9; before the epoch (kNoWall): "-1.000...".
void append_unix_time(std::string& to, Wall at, int decimals);

// Decimals beyond the ninth are rounded away; a time with a minus is kNoWall. Nothing for what
// isn't plain digits with at most one point between them, or lies after the year 2262.
std::optional<Wall> parse_unix_time(std::string_view text);

// "2026-11-27T22:06:06.102457Z" (RFC 3339), with that many decimals, 0 to 9; what is finer is cut
// off.
std::string rfc3339(Wall at, int decimals);
// With any number of decimals, and "Z" or an offset behind them. Nothing for what isn't one, or
// lies before 1970 or after the year 2261.
std::optional<Wall> parse_rfc3339(std::string_view text);

}  // namespace galileo::wire
