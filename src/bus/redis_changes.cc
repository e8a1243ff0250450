#include "bus/redis_changes.h"

#include <fmt/format.h>

#include <algorithm>

namespace galileo::bus {
namespace {

constexpr Duration kSecond = std::chrono::seconds{1};

std::string milliseconds_word(Duration duration) {
  return std::to_string(std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

// What a script may hand to a command at once, whatever it is told to (its stack has 8,000).
constexpr std::size_t kWordsMax = 4000;

// Conditions first ("=" and the text, or nothing for no such key); then of each change how many
// commands it is, and of each command how many words. A long one comes in several: the last says
// how long a list has become, the sum how many members were new.
constexpr std::string_view kChangeIf = R"(
for i, key in ipairs(KEYS) do
  local held = redis.call('GET', key)
  if held then held = '=' .. held else held = '' end
  if held ~= ARGV[i] then return false end
end
local at, numbers, failure = #KEYS + 1, {}, nil
while at <= #ARGV do
  local commands, number = tonumber(ARGV[at]), 0
  at = at + 1
  for _ = 1, commands do
    local words = tonumber(ARGV[at])
    local reply = redis.pcall(unpack(ARGV, at + 1, at + words))
    local name = ARGV[at + 1]
    at = at + words + 1
    if type(reply) == 'number' then
      if name == 'LPUSH' or name == 'RPUSH' then number = reply else number = number + reply end
    elseif type(reply) == 'table' and reply.err then
      failure = failure or reply
    elseif reply then
      number = 1
    end
  end
  numbers[#numbers + 1] = number
end
return failure or numbers
)";

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
    case Change::Kind::kListTrim:
      return "LTRIM";
    case Change::Kind::kListMove:
      return "RPOPLPUSH";
    case Change::Kind::kExpire:
      return "EXPIRE";
    case Change::Kind::kPublish:
      return "PUBLISH";
  }
  return "";
}

}  // namespace

std::vector<std::string> words_of(const Change& change) {
  std::vector<std::string> words{command_of(change.kind), change.key};
  if (change.kind == Change::Kind::kExpire) {
    if (change.expiry % kSecond == Duration{0}) {
      words.push_back(std::to_string(change.expiry / kSecond));
    } else {
      words.front() = "PEXPIRE";
      words.push_back(milliseconds_word(change.expiry));
    }
    return words;
  }
  if (change.kind == Change::Kind::kListRemove) words.emplace_back("1");
  words.insert(words.end(), change.values.begin(), change.values.end());
  if (change.kind == Change::Kind::kSetText && change.expiry.count() > 0)
    words.insert(words.end(), {"PX", milliseconds_word(change.expiry)});
  return words;
}

void add_change(std::string& to, const Change& change) {
  const std::vector<std::string> words = words_of(change);
  begin_command(to, words.size());
  for (const std::string& word : words) add_word(to, word);
}

void add_change_if(std::string& to, const std::vector<Holds>& conditions,
                   const std::vector<Change>& changes) {
  std::vector<std::string> keys, arguments;
  for (const Holds& condition : conditions) {
    keys.push_back(condition.key);
    arguments.push_back(condition.text ? "=" + *condition.text : std::string());
  }
  for (const Change& change : changes) {
    const std::vector<std::string> words = words_of(change);
    const bool takes_many = words.size() > kWordsMax;
    const std::size_t each = takes_many ? kWordsMax : words.size() - 2;
    std::vector<std::string> parts;
    for (std::size_t from = 2; from < words.size(); from += each) {
      const std::size_t end = std::min(words.size(), from + each);
      parts.push_back(std::to_string(end - from + 2));
      parts.insert(parts.end(), {words[0], words[1]});
      parts.insert(parts.end(), words.begin() + static_cast<std::ptrdiff_t>(from),
                   words.begin() + static_cast<std::ptrdiff_t>(end));
    }
    if (words.size() == 2) parts = {"2", words[0], words[1]};
    const std::size_t commands = words.size() == 2 ? 1 : (words.size() - 2 + each - 1) / each;
    arguments.push_back(std::to_string(commands));
    arguments.insert(arguments.end(), parts.begin(), parts.end());
  }
  begin_command(to, 3 + keys.size() + arguments.size());
  add_word(to, "EVAL");
  add_word(to, kChangeIf);
  add_word(to, std::to_string(keys.size()));
  for (const std::string& key : keys) add_word(to, key);
  for (const std::string& argument : arguments) add_word(to, argument);
}

std::int64_t number_of(const Reply& reply, std::size_t part) {
  if (reply.kind(part) == ReplyKind::kStatus || reply.kind(part) == ReplyKind::kText) return 1;
  return reply.kind(part) == ReplyKind::kInteger ? reply.integer(part) : 0;
}

std::string seconds_word(Duration wait) {
  if (wait % kSecond == Duration{0})
    return std::to_string(std::max<std::int64_t>(wait / kSecond, 1));
  return fmt::format("{:.3f}", std::max(to_seconds(wait), 0.01));
}

}  // namespace galileo::bus
