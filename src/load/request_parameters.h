// The request of a client from its parameters: JSON with `method`, `path` and `kwargs`, the keyword
// arguments of Python's requests library (docs/wire/workload.md, docs/how-to/requests.md). An old
// client's request is the one that requests sends for the same parameters, which tests/peers holds
// to the library itself; what failed there for no good reason works here (auth as a list, a header
// that isn't a text, a path without its slash). Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "load/workload.h"

namespace galileo::load {

// How many redirects Python's requests follows where it follows any: a client of the wire too.
inline constexpr std::uint32_t kRedirectsFollowed = 30;

// Who has written the parameters. An old client's URL is changed as requests changes it, its head's
// texts are ISO-8859-1 where they can be, and it takes compressed answers. Ours (experiment files)
// go as they are written, byte for byte in UTF-8; "as_written" among the arguments says so on the
// wire.
enum class Writer : unsigned char { kOldClient, kOurs };

// What can't be, and where: for a reader who knows the place of each value.
struct RequestFault {
  // Keys, and positions in lists from 0, from the parameters down: {"kwargs", "headers", "X-A"}.
  std::vector<std::string> path;
  bool of_key = false;  // it is about the last key itself; then `why` is a whole sentence
  std::string subject;  // what it is about: "kwargs.headers.X-A"; empty where of_key
  std::string why;      // "must be a text, not a list"
  std::string hint;     // what to do about it, where that is known
};

struct RequestReading {
  Request request;  // to be used only where there are no faults
  std::vector<RequestFault> faults;
};

// An empty text and null are a client without parameters: GET /. Top-level keys beside the three
// are a client app's, and not looked at.
RequestReading read_request_parameters(std::string_view json, Writer writer = Writer::kOldClient);

// The same, where the first fault is the Error.
Result<Request> parse_request_parameters(std::string_view json);

}  // namespace galileo::load
