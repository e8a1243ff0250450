// An event as one line of text on the bus (docs/wire/bus.md, "Events"): "<unix seconds> <name>[
// <value>]". The name holds no blank; the value is all that follows it, often JSON. Pure functions;
// any thread.
#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/sample.h"

namespace galileo::wire {

// Seconds since the epoch at which a clock shows that; this one's zone is UTC.
using SecondsOf = std::int64_t (*)(std::tm clock);
std::int64_t utc_seconds(std::tm clock);

inline constexpr std::string_view kEventChannel = "galileo/events";

// Appends the line, without a newline; the time has seven decimals. Blanks in the name become '_'.
void append_event_line(std::string& to, const Event& event);

// Takes one whole message. What isn't UTF-8 becomes U+FFFD. An Error (kCorrupt) where the time is
// none or the name is missing. A time may also be written as a date, of which `seconds_of` knows
// the zone.
Result<Event> parse_event_line(std::string_view text, SecondsOf seconds_of = &utc_seconds);

}  // namespace galileo::wire
