#include "bus/redis_changes.h"

#include <fmt/format.h>

#include <algorithm>

namespace galileo::bus {
namespace {

constexpr Duration kSecond = std::chrono::seconds{1};

std::string milliseconds_word(Duration duration) {
  return std::to_string(std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

const char* command_of(Change::Kind kind) {
  switch (kind) {
    case Change::Kind::kRemove:
      return "DEL";
    case Change::Kind::kSetText:
      return "SET";
    case Change::Kind::kSetAdd:
      return "SADD";
    case Change::Kind::kSetRemove:
      return "SREM";
    case Change::Kind::kHashSet:
      return "HSET";
    case Change::Kind::kHashRemove:
      return "HDEL";
    case Change::Kind::kListPushLeft:
      return "LPUSH";
    case Change::Kind::kListPushRight:
      return "RPUSH";
    case Change::Kind::kListRemove:
      return "LREM";
    case Change::Kind::kExpire:
      return "EXPIRE";
    case Change::Kind::kPublish:
      return "PUBLISH";
  }
  return "";
}

}  // namespace

void add_change(std::string& to, const Change& change) {
  if (change.kind == Change::Kind::kExpire) {
    if (change.expiry % kSecond == Duration{0})
      add_command(to, {"EXPIRE", change.key, std::to_string(change.expiry / kSecond)});
    else
      add_command(to, {"PEXPIRE", change.key, milliseconds_word(change.expiry)});
    return;
  }
  if (change.kind == Change::Kind::kListRemove)
    return add_command(to, {"LREM", change.key, "1", change.values.at(0)});
  const bool expires = change.kind == Change::Kind::kSetText && change.expiry.count() > 0;
  begin_command(to, 2 + change.values.size() + (expires ? 2 : 0));
  add_word(to, command_of(change.kind));
  add_word(to, change.key);
  for (const auto& value : change.values) add_word(to, value);
  if (!expires) return;
  add_word(to, "PX");
  add_word(to, milliseconds_word(change.expiry));
}

std::int64_t number_of(const Reply& reply, std::size_t part) {
  if (reply.kind(part) == ReplyKind::kStatus) return 1;
  return reply.kind(part) == ReplyKind::kInteger ? reply.integer(part) : 0;
}

std::string seconds_word(Duration wait) {
  if (wait % kSecond == Duration{0})
    return std::to_string(std::max<std::int64_t>(wait / kSecond, 1));
  return fmt::format("{:.3f}", std::max(to_seconds(wait), 0.01));
}

}  // namespace galileo::bus
