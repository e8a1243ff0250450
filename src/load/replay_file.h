// A file of recorded requests as a replay: found out what it is, unpacked where it is gzipped, read
// piece by piece, so that no more of it is in memory than what is sent. Blocking; any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "load/replay.h"
#include "wire/request_log.h"

namespace galileo::load {

struct ReplayFile {
  std::string path;
  std::string format;  // of log_formats.def; empty: it is seen from the file's beginning
  wire::LogOptions log;
  ReplayOptions options;
};

// An Error where the file can't be read, is none of these, or holds nothing to send.
Result<Replay> read_replay(const ReplayFile& file);

// Texts of what people write, each an Error by itself: "x0.5", "2", "10%"; "took=rt:ms".
Result<double> parse_replay_speed(std::string_view text);
Result<double> parse_replay_share(std::string_view text);
Result<void> set_log_field(std::string_view text, wire::LogFields& fields);

// All of it as plain values, and back.
std::map<std::string, std::string> replay_parameters(const ReplayFile& file);
Result<ReplayFile> replay_of_parameters(const std::map<std::string, std::string>& parameters);

}  // namespace galileo::load
