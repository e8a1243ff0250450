#include "wire/request_log.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "wire/csv.h"
#include "wire/gor.h"
#include "wire/json_log.h"
#include "wire/otlp_spans.h"
#include "wire/request_targets.h"

namespace galileo::wire {
namespace {

constexpr std::array kFormats{
#define LOG_FORMAT(name, text) LogFormatRow{#name, text},
#include "wire/log_formats.def"
#undef LOG_FORMAT
};

constexpr std::size_t kGuessedLines = 50;

// Reads a line of any format but HAR, GoReplay's and OTLP's, whose records aren't lines.
RecordFault read_line(LogFormat format, std::string_view line, const LogFields& fields,
                      RecordedRequest& into) {
  switch (format) {
    case LogFormat::lines:
      return read_timed_line(line, into);
    case LogFormat::json:
      return read_json_line(line, fields, into);
    case LogFormat::envoy:
      return read_envoy_line(line, fields, into);
    case LogFormat::haproxy:
      return read_haproxy_line(line, fields, into);
    default:
      return read_access_line(line, fields, into);
  }
}

// How many of these lines are read by that format, if only as one without a request.
std::size_t lines_read(LogFormat format, const std::vector<std::string_view>& lines) {
  std::size_t count = 0;
  RecordedRequest request;
  for (const std::string_view line : lines) {
    request.clear();
    if (format == LogFormat::otlp) {
      bool read = true;
      read_otlp_line(line, false, request,
                     [&](RecordFault fault) { read = read && !is_unread(fault); });
      count += read ? 1 : 0;
    } else {
      count += is_unread(read_line(format, line, {}, request)) ? 0 : 1;
    }
  }
  return count;
}

// Those that are whole.
std::vector<std::string_view> first_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty() && lines.size() < kGuessedLines) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end == text.size() && !lines.empty()) break;
    const std::string_view line = trim(text.substr(0, end));
    if (!line.empty()) lines.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

bool begins_har(std::string_view text) {
  std::string begin;
  for (const char c : text.substr(0, 1024)) {
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t') begin += c;
    if (begin.size() == 8) break;
  }
  return begin == R"({"log":{)";
}

}  // namespace

const std::vector<LogFormatRow>& log_format_rows() {
  static const std::vector<LogFormatRow> rows(kFormats.begin(), kFormats.end());
  return rows;
}

std::optional<LogFormat> log_format_named(std::string_view name) {
  const auto* const found = std::find_if(kFormats.begin(), kFormats.end(),
                                         [&](const LogFormatRow& row) { return row.name == name; });
  if (found == kFormats.end()) return std::nullopt;
  return static_cast<LogFormat>(found - kFormats.begin());
}

std::optional<LogFormat> guess_log_format(std::string_view beginning) {
  beginning = after_byte_order_mark(beginning);
  if (begins_har(beginning)) return LogFormat::har;
  const std::vector<std::string_view> lines = first_lines(beginning);
  if (lines.empty()) return std::nullopt;
  if (is_gor_line(lines.front())) return LogFormat::gor;
  std::optional<LogFormat> best;
  std::size_t most = 0;
  for (std::size_t i = 0; i < kFormats.size(); ++i) {
    const auto format = static_cast<LogFormat>(i);
    if (format == LogFormat::har || format == LogFormat::gor) continue;
    const std::size_t read = lines_read(format, lines);
    if (read > most) best = format;
    most = std::max(most, read);
  }
  return best;
}

void RequestLogReader::take(std::string_view bytes) {
  if (format_ == LogFormat::har) return take_entries(bytes);
  buffer_ += bytes;
  if (is_lines())
    take_pieces("\n", format_ == LogFormat::otlp ? kLogEntryMax : kLogLineMax);
  else
    take_pieces(kGorSeparator, kLogEntryMax);
}

void RequestLogReader::take_pieces(std::string_view separator, std::size_t most) {
  std::size_t begin = 0;
  while (true) {
    const std::size_t end = buffer_.find(separator, std::max(scanned_, begin));
    if (end == std::string::npos) break;
    const std::string_view piece(buffer_.data() + begin, end - begin);
    if (!passing_) record(piece);
    passing_ = false;
    begin = end + separator.size();
  }
  buffer_.erase(0, begin);
  if (buffer_.size() > most) {
    if (!passing_) {
      ++number_;
      tell(RecordFault::too_long, buffer_);
    }
    passing_ = true;
    buffer_.erase(0, buffer_.size() - separator.size());
  }
  // A separator may have begun.
  scanned_ = buffer_.size() - std::min(buffer_.size(), separator.size() - 1);
}

void RequestLogReader::take_entries(std::string_view bytes) {
  for (const char c : bytes) {
    const HarEntries::Found found = entries_.take(c);
    if (found == HarEntries::Found::kBegin) buffer_.clear();
    if (entries_.inside() || found == HarEntries::Found::kEnd) {
      if (buffer_.size() <= kLogEntryMax) buffer_ += c;
    }
    if (found != HarEntries::Found::kEnd) continue;
    if (buffer_.size() > kLogEntryMax) {
      ++number_;
      tell(RecordFault::too_long, buffer_);
    } else {
      record(buffer_);
    }
    buffer_.clear();
  }
}

void RequestLogReader::finish() {
  if (format_ == LogFormat::har) {
    if (entries_.inside() || !entries_.found_list()) {
      ++number_;
      tell(entries_.inside() ? RecordFault::cut : RecordFault::not_the_form, buffer_);
    }
  } else if (!passing_ && !buffer_.empty()) {
    record(buffer_);
  }
  buffer_.clear();
}

void RequestLogReader::record(std::string_view bytes) {
  ++number_;
  if (number_ == 1) bytes = after_byte_order_mark(bytes);
  if (is_lines()) {
    bytes = trim(bytes);
    if (bytes.empty()) return;
  }
  request_.clear();
  if (format_ == LogFormat::otlp)
    return read_otlp_line(bytes, options_.client_spans, request_,
                          [&](RecordFault fault) { tell(fault, bytes); });
  if (bytes.empty()) return;
  const RecordFault fault = format_ == LogFormat::har ? read_har_entry(bytes, request_)
                            : format_ == LogFormat::gor
                                ? read_gor_record(bytes, request_)
                                : read_line(format_, bytes, options_.fields, request_);
  tell(fault, bytes);
}

void RequestLogReader::tell(RecordFault fault, std::string_view bytes) {
  if (fault != RecordFault::none) return sink_.skipped(fault, number_, bytes);
  if (host_.empty() && format_ == LogFormat::har) host_ = request_.host;
  if (!host_.empty() && host_ != "*" && request_.host != host_)
    return sink_.skipped(RecordFault::other_host, number_, bytes);
  if (options_.mark) request_.mark = *options_.mark;
  sink_.request(request_);
}

}  // namespace galileo::wire
