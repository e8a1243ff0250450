// A trace as one line of text on the bus (docs/wire/bus.md, "Traces"):
//
//   request_id,client,service,created,sent,done,status,server,exp_id,headers,response
//
// Times are seconds with seven decimals ("-1.0000000": never sent), a missing value is the word
// None. In headers commas are written as '|'; in the response, which is stripped of white space at
// its ends, newlines as "\n". The old recorder writes '|' back as ',' and "\n" back as a newline,
// and so does this: a '|' in a header, a backslash before an n and a response that is the word None
// can't be told apart on this wire. Both ways are made for many thousands of lines a second: no
// allocation but the texts'. Values and pure functions; any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/trace.h"

namespace galileo::wire {

inline constexpr std::string_view kTraceChannel = "galileo/results/traces";
inline constexpr std::size_t kTraceLineMax = std::size_t{16} << 20;  // bytes

struct TraceLine {
  // What has no field on the line (intended, dispatched, first_byte, sizes, phase, failure) is left
  // as it is in a new NamedTrace.
  NamedTrace trace;
  std::string exp_id;         // empty: None, as all that workers send
  bool has_response = false;  // there was one, though it is empty: an empty field, not None
};

// Appends the line, without a newline. It always has eleven fields: commas in names become '|',
// newlines blanks, and what isn't UTF-8 U+FFFD.
void append_trace_line(std::string& to, const TraceLine& line);

// Takes one whole message. What isn't UTF-8 becomes U+FFFD. An Error (kCorrupt) for too few fields,
// a field that isn't what it must be, a newline, or a line above kTraceLineMax.
Result<TraceLine> parse_trace_line(std::string_view text);

}  // namespace galileo::wire
