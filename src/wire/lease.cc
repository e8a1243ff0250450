#include "wire/lease.h"

#include <fmt/format.h>

#include <charconv>

#include "base/text.h"
#include "wire/json.h"

namespace galileo::wire {
namespace {

std::string text_at(const Json& json, std::string_view key) {
  const Json* const found = find(json, key);
  return found && found->kind == Json::Kind::kText ? found->text : std::string();
}

constexpr double kSecondsMax = 4e9;  // of stamps of this century

double seconds_at(const Json& json, std::string_view key) {
  const Json* const found = find(json, key);
  const bool is_number =
      found && (found->kind == Json::Kind::kInteger || found->kind == Json::Kind::kReal);
  const double value = is_number ? parse_number(found->text).value_or(0) : 0;
  return value >= 0 && value <= kSecondsMax ? value : 0;
}

template <class T>
T whole_at(const Json& json, std::string_view key) {
  T number = 0;
  const Json* const found = find(json, key);
  if (found && found->kind == Json::Kind::kInteger)
    std::from_chars(found->text.data(), found->text.data() + found->text.size(), number);
  return number;
}

}  // namespace

std::string encode(const LeaseText& lease) {
  return fmt::format(
      R"({{"claim": {}, "holder": {}, "kind": {}, "host": {}, "pid": {}, "since": {}, )"
      R"("lease_s": {}, "what": {}}})",
      lease.claim, json_text(lease.holder), json_text(lease.kind), json_text(lease.host), lease.pid,
      json_real(to_unix_seconds(lease.since)), json_real(to_seconds(lease.lasts)),
      json_text(lease.what));
}

Result<LeaseText> decode_lease(std::string_view json) {
  const Json parsed = TRY(parse_json(json));
  LeaseText lease;
  lease.claim = whole_at<std::uint64_t>(parsed, "claim");
  lease.holder = text_at(parsed, "holder");
  lease.kind = text_at(parsed, "kind");
  lease.host = text_at(parsed, "host");
  lease.pid = whole_at<std::int64_t>(parsed, "pid");
  lease.since = from_unix_seconds(seconds_at(parsed, "since"));
  lease.lasts = seconds(seconds_at(parsed, "lease_s"));
  lease.what = text_at(parsed, "what");
  if (lease.claim > 0 && !lease.holder.empty()) return lease;
  return Error{ErrorCode::kCorrupt, "no lease", {}, "it has no claim or no holder", {}};
}

}  // namespace galileo::wire
