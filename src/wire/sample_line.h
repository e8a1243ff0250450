// A reading on the bus (docs/wire/telemetry.md): the topic "telem/<node>/<metric>[/<subsystem>]",
// where the subsystem may hold slashes, and the line "<unix seconds> <value>". Pure functions; any
// thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/sample.h"

namespace galileo::wire {

inline constexpr std::string_view kTelemetryPrefix = "telem/";
inline constexpr std::string_view kTelemetryPattern = "telem/*";

std::string sample_topic(const Sample& sample);

// Appends the line, without a newline: the time to the nanosecond, the value with six decimals.
void append_sample_line(std::string& to, const Sample& sample);

// Takes one message and where it was published. "true" and "false" are 1 and 0. An Error (kCorrupt)
// for another topic, and for a time or value that is no number.
//
// The old telemd leaves the zeros before its nanoseconds away: "5.43139650" is 5.04313965. Nobody
// else writes eight decimals, so they are read that way; seven or fewer are written by others too,
// and are read as they stand (one stamp in a hundred of the old telemd's is up to 0.9 s late).
Result<Sample> parse_sample_line(std::string_view topic, std::string_view text);

}  // namespace galileo::wire
