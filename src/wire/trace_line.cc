#include "wire/trace_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/utf8.h"
#include "wire/unix_time.h"

namespace galileo::wire {
namespace {

constexpr std::string_view kNone = "None";
constexpr int kDecimals = 7;

enum Field : std::uint8_t {
  kRequestId,
  kClient,
  kService,
  kCreated,
  kSent,
  kDone,
  kStatus,
  kServer,
  kExpId,
  kHeaders,
  kResponse,
  kFieldCount,
};
constexpr std::array<std::string_view, kFieldCount> kFieldNames{
    "request_id", "client", "service", "created", "sent",    "done",
    "status",     "server", "exp_id",  "headers", "response"};

using Fields = std::array<std::string_view, kFieldCount>;

Error no_trace(std::string why) {
  return Error{ErrorCode::kCorrupt, "can't read the trace", {}, std::move(why), {}};
}

Error wrong(Field field, std::string_view found, std::string_view wanted) {
  return no_trace(fmt::format("{} is '{}', not {}", kFieldNames[field],
                              make_utf8(found.substr(0, 40)), wanted));
}

// Whether the text begins or ends with one of the characters beyond ASCII that Python's strip()
// takes off, and how long it is.
std::size_t wide_blank(std::string_view text, bool at_end) {
  constexpr std::array<std::string_view, 19> kBlanks{
      "\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81",
      "\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86",
      "\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8",
      "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"};
  for (const std::string_view blank : kBlanks) {
    if (at_end ? text.ends_with(blank) : text.starts_with(blank)) return blank.size();
  }
  return 0;
}

std::size_t blank(std::string_view text, bool at_end) {
  if (text.empty()) return 0;
  const char c = at_end ? text.back() : text.front();
  if (c == ' ' || (c >= '\t' && c <= '\r') || (c >= '\x1c' && c <= '\x1f')) return 1;
  return static_cast<signed char>(c) < 0 ? wide_blank(text, at_end) : 0;
}

// As Python's str.strip().
std::string_view strip(std::string_view text) {
  while (const std::size_t size = blank(text, false)) text.remove_prefix(size);
  while (const std::size_t size = blank(text, true)) text.remove_suffix(size);
  return text;
}

// A field that may hold neither a comma nor a newline.
void append_field(std::string& to, std::string_view text) {
  if (!is_utf8(text)) return append_field(to, make_utf8(text));
  const auto begin = static_cast<std::ptrdiff_t>(to.size());
  to += text;
  std::replace(to.begin() + begin, to.end(), ',', '|');
  std::replace(to.begin() + begin, to.end(), '\n', ' ');
}

void append_or_none(std::string& to, std::string_view text) {
  append_field(to, text.empty() ? kNone : text);
}

void append_response(std::string& to, std::string_view text) {
  if (!is_utf8(text)) return append_response(to, make_utf8(text));
  text = strip(text);
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    to += text.substr(0, end);
    to += "\\n";
    text.remove_prefix(end + 1);
  }
  to += text;
}

void read_headers(std::string& to, std::string_view field) {
  if (field == kNone) return;
  to = field;
  std::replace(to.begin(), to.end(), '|', ',');
}

void read_response(std::string& to, std::string_view field) {
  to.reserve(field.size());
  for (std::size_t end = field.find("\\n"); end != std::string_view::npos;
       end = field.find("\\n")) {
    to += field.substr(0, end);
    to += '\n';
    field.remove_prefix(end + 2);
  }
  to += field;
}

Result<Fields> split_fields(std::string_view text) {
  Fields fields;
  for (std::size_t i = 0; i + 1 < kFieldCount; ++i) {
    const std::size_t comma = text.find(',');
    if (comma == std::string_view::npos)
      return no_trace(fmt::format("it has {} fields, not {}", i + 1, +kFieldCount));
    fields[i] = text.substr(0, comma);
    text.remove_prefix(comma + 1);
  }
  fields[kResponse] = text;
  return fields;
}

Result<TraceLine> read_line(std::string_view text) {
  if (text.find('\n') != std::string_view::npos) return no_trace("it holds a newline");
  const Fields fields = TRY(split_fields(text));
  if (fields[kRequestId].empty()) return no_trace("its request_id is empty");

  Result<TraceLine> line{TraceLine{}};
  NamedTrace& trace = line->trace;
  trace.request_id = fields[kRequestId];
  trace.client = fields[kClient];
  trace.service = fields[kService];
  const std::array times{&trace.created, &trace.sent, &trace.done};
  for (std::size_t i = 0; i < times.size(); ++i) {
    const auto field = static_cast<Field>(kCreated + i);
    const std::optional<Wall> at =
        fields[field] == kNone ? kNoWall : parse_unix_time(fields[field]);
    if (!at) return wrong(field, fields[field], "a time in seconds");
    *times[i] = *at;
  }
  if (const std::string_view status = fields[kStatus]; status != kNone) {
    const char* const begin = status.data();
    const char* const end = begin + status.size();
    const auto [stop, error] = std::from_chars(begin, end, trace.status);
    if (error != std::errc{} || stop != end) return wrong(kStatus, status, "a whole number");
  }
  if (fields[kServer] != kNone) trace.server = fields[kServer];
  if (fields[kExpId] != kNone) line->exp_id = fields[kExpId];
  read_headers(trace.headers, fields[kHeaders]);
  line->has_response = fields[kResponse] != kNone;
  if (line->has_response) read_response(trace.response, fields[kResponse]);
  return line;
}

}  // namespace

void append_trace_line(std::string& to, const TraceLine& line) {
  const NamedTrace& trace = line.trace;
  for (const std::string* name : {&trace.request_id, &trace.client, &trace.service}) {
    append_field(to, *name);
    to += ',';
  }
  for (const Wall at : {trace.created, trace.sent, trace.done}) {
    append_unix_time(to, at, kDecimals);
    to += ',';
  }
  std::array<char, 12> digits{};
  to.append(digits.data(),
            std::to_chars(digits.data(), digits.data() + digits.size(), trace.status).ptr);
  for (const std::string* text : {&trace.server, &line.exp_id, &trace.headers}) {
    to += ',';
    append_or_none(to, *text);
  }
  to += ',';
  if (trace.response.empty() && !line.has_response)
    to += kNone;
  else
    append_response(to, trace.response);
}

Result<TraceLine> parse_trace_line(std::string_view text) {
  if (text.size() > kTraceLineMax)
    return no_trace(fmt::format("it has {} bytes, more than {}", text.size(), kTraceLineMax));
  return is_utf8(text) ? read_line(text) : read_line(make_utf8(text));
}

}  // namespace galileo::wire
