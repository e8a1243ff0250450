// Logs of requests as they come, in pieces of any size: which format it is, where its records are,
// and what each of them says. After a record that can't be read the next one is read: each is a
// request or skipped for a reason, and their sum is what was there. No more than a record and a
// piece are kept. Passive: no file, no clock; a reader lives where it is fed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/access_log.h"
#include "wire/har.h"
#include "wire/recorded_request.h"

namespace galileo::wire {

enum class LogFormat : std::uint8_t {
#define LOG_FORMAT(name, text) name,
#include "wire/log_formats.def"
#undef LOG_FORMAT
};

struct LogFormatRow {
  std::string_view name;
  std::string_view text;
};
const std::vector<LogFormatRow>& log_format_rows();
std::optional<LogFormat> log_format_named(std::string_view name);

// What a record may have: a line's bytes, and those of an entry with its body.
inline constexpr std::size_t kLogLineMax = std::size_t{1} << 20;
inline constexpr std::size_t kLogEntryMax = std::size_t{16} << 20;

// The format that most of the first records of a file's beginning are in. Nothing: none is.
std::optional<LogFormat> guess_log_format(std::string_view beginning);

struct LogOptions {
  LogFields fields;
  std::optional<TimeMark> mark;  // what the times of all records are, whatever is usual
  std::string host;           // only requests of that one; empty: of all, of a HAR the first one's
  bool client_spans = false;  // of OTLP: those too
};

class RecordSink {
 public:
  virtual ~RecordSink() = default;
  // May be moved from.
  virtual void request(RecordedRequest& request) = 0;
  // `number`: the record's line, or which record it is, from 1. `record` is valid during the call.
  virtual void skipped(RecordFault fault, std::uint64_t number, std::string_view record) = 0;
};

class RequestLogReader {
 public:
  // `sink` outlives the reader.
  RequestLogReader(LogFormat format, const LogOptions& options, RecordSink& sink)
      : format_(format), options_(options), sink_(sink), host_(options.host) {}
  void take(std::string_view bytes);
  // No more will come: what is left is the last record.
  void finish();

 private:
  bool is_lines() const { return format_ != LogFormat::har && format_ != LogFormat::gor; }
  void take_pieces(std::string_view separator, std::size_t most);
  void take_entries(std::string_view bytes);
  void record(std::string_view bytes);
  void tell(RecordFault fault, std::string_view bytes);

  const LogFormat format_;
  const LogOptions options_;
  RecordSink& sink_;
  std::string host_;
  std::string buffer_;
  std::size_t scanned_ = 0;  // up to here no record ends
  bool passing_ = false;     // over what is left of one that is too long
  std::uint64_t number_ = 0;
  HarEntries entries_;
  RecordedRequest request_;
};

}  // namespace galileo::wire
