// What etcd's JSON gateway is asked and answers (its v3 API: keys, values and revisions; bytes as
// base64, 64-bit numbers as texts). Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace galileo::gateway {

// The bodies of requests. A prefix stands for all keys that begin with it.
std::string range_request(std::string_view prefix);
std::string watch_request(std::string_view prefix, std::int64_t from_revision);
std::string put_request(std::string_view key, std::string_view value);
std::string delete_request(std::string_view key);
// Each key gets its value, or is deleted where it has none; all of them at once or none.
std::string transaction_request(
    const std::vector<std::pair<std::string, std::optional<std::string>>>& writes);
std::string login_request(std::string_view user, std::string_view password);

struct RangeAnswer {
  std::int64_t revision = 0;  // of the store, when it was read
  std::vector<std::pair<std::string, std::string>> pairs;
};
struct KeyEvent {
  std::string key;
  std::optional<std::string> value;  // none: the key was deleted
};
struct WatchAnswer {
  std::int64_t revision = 0;
  std::vector<KeyEvent> events;
  bool canceled = false;
  bool compacted = false;  // what was asked for isn't there any more: read everything anew
  std::string why;         // of canceled
};

// Errors (kCorrupt): what is none; `why` of etcd's own errors is etcd's text.
Result<RangeAnswer> parse_range(std::string_view json);
// One line of a watch's stream.
Result<WatchAnswer> parse_watch(std::string_view json);
Result<std::string> parse_login(std::string_view json);      // the token
Result<std::uint64_t> parse_deleted(std::string_view json);  // how many keys
// etcd's text in an answer that isn't 200.
std::string error_text(std::string_view json);

}  // namespace galileo::gateway
