// A request as some log has recorded it, and what the readers of logs have in common: how its first
// line is taken apart, what a time in it means, and which headers are the recorder's and not the
// client's. Plain values and pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"
#include "wire/http1.h"

namespace galileo::wire {

enum class RecordFault : std::uint8_t {
  none,
#define RECORD_FAULT(name, is_unread, text) name,
#include "wire/record_faults.def"
#undef RECORD_FAULT
};
inline constexpr int kRecordFaultCount = 1
#define RECORD_FAULT(name, is_unread, text) +1
#include "wire/record_faults.def"
#undef RECORD_FAULT
    ;

// "bytes that aren't HTTP".
std::string_view record_fault_text(RecordFault fault);
// The reader could make nothing of the record.
bool is_unread(RecordFault fault);

// When a log's time was: when the request came, or when the line was written, at its end.
enum class TimeMark : std::uint8_t { kStart, kEnd };

struct RecordedRequest {
  Wall at = kNoWall;
  TimeMark mark = TimeMark::kStart;
  bool whole_second = false;    // the log's times are no finer
  Duration took = kNoDuration;  // where the log has it
  std::string method;
  std::string target;     // as the client sent it, from its '/' on; blanks and controls are escaped
  std::string host;       // that the client meant, where the log has it; as it is written
  bool is_https = false;  // as the URL says that was recorded
  http1::Headers headers;
  std::string body;
  bool has_body = false;
  bool had_length = false;  // a Content-Length or Transfer-Encoding was left out: both are ours

  void clear();
};

// "GET /a b HTTP/1.1": the method up to the first blank, the version behind the last, whatever the
// target has between. A fault leaves what was read so far.
RecordFault take_request_line(std::string_view line, RecordedRequest& into);

// A target, or a whole URL of which the host is kept apart: "/a?b=1", "https://host/a?b=1".
RecordFault take_target(std::string_view target, RecordedRequest& into);

// Adds a header that the client sent, and leaves out what isn't the request's own: names with ':'
// (HTTP/2 keeps its first line there), those of one connection, lengths, Expect. Host is kept
// apart.
void take_header(std::string_view name, std::string_view value, RecordedRequest& into);

struct LogTime {
  Wall at = kNoWall;
  bool whole_second = false;
};
// "10/Oct/2000:13:55:36 -0700", the same with ".655" or without a zone, RFC 3339 with 'T' or a
// blank, with or without a zone, and seconds, milliseconds, microseconds or nanoseconds since 1970.
// A time without a zone is taken for UTC: all of a log are, so that nothing changes between them.
// kNoWall where it is none of these.
LogTime read_log_time(std::string_view text);

// A number of seconds (or of that many) as a duration: "0.123"; kNoDuration for "-" and what is
// none, or longer than a day.
Duration read_log_duration(std::string_view text, double unit_s = 1);

}  // namespace galileo::wire
