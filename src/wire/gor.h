// A record of GoReplay's files (.gor): a line with its kind, id and time, and behind it the bytes
// of a request or answer as they were on the wire. Pure functions; any thread.
#pragma once

#include <string_view>

#include "wire/recorded_request.h"

namespace galileo::wire {

// What stands between two records.
inline constexpr std::string_view kGorSeparator =
    "\n\xF0\x9F\x90\xB5\xF0\x9F\x99\x88\xF0\x9F\x99\x89\n";

// Whether it is the first line of a record: "1 8e091765ae902fef8a2b7d9dd960e9d52222bd8c
// 1436441234000000000".
bool is_gor_line(std::string_view line);

RecordFault read_gor_record(std::string_view record, RecordedRequest& into);

}  // namespace galileo::wire
