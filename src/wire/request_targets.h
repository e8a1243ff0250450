// Lists of requests in the two forms of vegeta's targets files, and our own, which is the second
// one with a time: what `galileo replay convert` writes.
//   http: a line with method and URL, headers below it, "@FILE" with the body, then an empty line;
//         '#' begins a comment.
//   json: an object a line: {"method": "GET", "url": "http://host/path", "header": {"A": ["b"]},
//         "body": "in base64", "at": 1.5}; `at` is ours, in seconds.
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/recorded_request.h"

namespace galileo::wire {

inline constexpr std::size_t kTargetsMax = 10'000'000;

struct RequestTarget {
  RecordedRequest request;
  std::string body_file;  // that holds the body; empty: the request has it
  std::uint64_t line = 0;
};

// All targets of a file, in either form. An Error says in `where` which line is wrong.
Result<std::vector<RequestTarget>> parse_request_targets(std::string_view text);

// A line of the second form. An Error's `why` says what is wrong with it.
Result<RecordedRequest> parse_target_line(std::string_view line);
// The same of a log: with a time it must be.
RecordFault read_timed_line(std::string_view line, RecordedRequest& into);

// The request as such a line, at that time since the first one, without a line end.
std::string target_line(const RecordedRequest& request, Duration at);

}  // namespace galileo::wire
