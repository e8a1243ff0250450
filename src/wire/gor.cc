#include "wire/gor.h"

#include <charconv>
#include <vector>

#include "base/text.h"

namespace galileo::wire {
namespace {

constexpr std::size_t kBodyMax = std::size_t{16} << 20;

bool is_made_of(std::string_view text, std::string_view signs) {
  return !text.empty() && text.find_first_not_of(signs) == std::string_view::npos;
}

}  // namespace

bool is_gor_line(std::string_view line) {
  const std::vector<std::string_view> fields = split(line, ' ');
  return fields.size() >= 3 && fields.size() <= 5 && is_made_of(fields[0], "123") &&
         fields[0].size() == 1 && is_made_of(fields[1], "0123456789abcdefABCDEF-") &&
         fields[2].size() >= 16 && is_made_of(fields[2], "0123456789");
}

RecordFault read_gor_record(std::string_view record, RecordedRequest& into) {
  const std::size_t end = record.find('\n');
  const std::string_view line = record.substr(0, end);
  if (end == std::string_view::npos || !is_gor_line(line)) return RecordFault::not_the_form;
  if (line[0] != '1') return RecordFault::answer;
  const LogTime time = read_log_time(split(line, ' ')[2]);
  if (time.at == kNoWall) return RecordFault::no_time;
  into.at = time.at;
  into.mark = TimeMark::kStart;
  http1::Limits limits;
  limits.head_max = std::uint32_t{1} << 20;
  http1::Capture captured;
  captured.want_headers = true;
  captured.want_body = kBodyMax;
  http1::RequestParser parser(limits);
  parser.capture_into(&captured);
  parser.start();
  parser.feed(record.substr(end + 1));
  if (!parser.done() && !parser.failed()) parser.finish();
  if (parser.problem() == http1::Problem::cut) return RecordFault::cut;
  if (!parser.done()) return RecordFault::no_http;
  if (!http1::is_token(parser.method())) return RecordFault::no_http;
  into.method = parser.method();
  if (const RecordFault fault = take_target(parser.target(), into); fault != RecordFault::none)
    return fault;
  for (const auto& [name, value] : captured.headers) take_header(name, value, into);
  into.has_body = parser.has_length() || parser.chunked();
  into.body = std::move(captured.body);
  return RecordFault::none;
}

}  // namespace galileo::wire
