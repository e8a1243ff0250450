#include "gateway/etcd_answers.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/utf8.h"
#include "wire/uri.h"

namespace galileo::gateway {
namespace {

using Json = nlohmann::json;

Error wrong(std::string why) {
  return Error{ErrorCode::kCorrupt, "can't read etcd's answer", {}, std::move(why), {}};
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// The first key after all those that begin with the prefix.
std::string end_of(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
  if (end.empty()) return std::string(1, '\0');  // up to the end of all keys
  end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

Result<Json> parse(std::string_view text) {
  Json json = Json::parse(text.begin(), text.end(), nullptr, false);
  if (!json.is_object()) return wrong("it isn't a JSON object");
  if (const auto error = json.find("error"); error != json.end()) return wrong(error_text(text));
  return json;
}

// A 64-bit number: a text, or a number where it is small. What isn't there is 0.
std::optional<std::int64_t> number(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return 0;
  if (found->is_number_integer()) return found->get<std::int64_t>();
  if (!found->is_string()) return std::nullopt;
  return parse_integer(found->get_ref<const std::string&>());
}

std::optional<std::string> bytes(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return std::string();
  if (!found->is_string()) return std::nullopt;
  return wire::from_base64(found->get_ref<const std::string&>());
}

Result<std::int64_t> revision_of(const Json& json) {
  const auto header = json.find("header");
  if (header == json.end() || !header->is_object()) return wrong("it has no header");
  const auto revision = number(*header, "revision");
  if (!revision) return wrong("its revision isn't a number");
  return *revision;
}

Result<std::pair<std::string, std::string>> pair_of(const Json& kv) {
  if (!kv.is_object()) return wrong("a key isn't an object");
  auto key = bytes(kv, "key");
  auto value = bytes(kv, "value");
  if (!key || !value) return wrong("a key or value isn't base64");
  return std::pair{std::move(*key), std::move(*value)};
}

Result<KeyEvent> event_of(const Json& json) {
  if (!json.is_object() || !json.contains("kv")) return wrong("an event has no key");
  auto [key, value] = TRY(pair_of(json["kv"]));
  KeyEvent event;
  event.key = std::move(key);
  const auto type = json.find("type");  // PUT is the default, and left out
  const bool deleted = type != json.end() && (*type == "DELETE" || *type == 1);
  if (!deleted) event.value = std::move(value);
  return event;
}

}  // namespace

std::string range_request(std::string_view prefix) {
  return dump({{"key", wire::base64(prefix)}, {"range_end", wire::base64(end_of(prefix))}});
}

std::string watch_request(std::string_view prefix, std::int64_t from_revision) {
  return dump({{"create_request",
                {{"key", wire::base64(prefix)},
                 {"range_end", wire::base64(end_of(prefix))},
                 {"start_revision", std::to_string(from_revision)}}}});
}

std::string put_request(std::string_view key, std::string_view value) {
  return dump({{"key", wire::base64(key)}, {"value", wire::base64(value)}});
}

std::string delete_request(std::string_view key) {
  return dump({{"key", wire::base64(key)}});
}

std::string transaction_request(
    const std::vector<std::pair<std::string, std::optional<std::string>>>& writes) {
  Json acts = Json::array();
  for (const auto& [key, value] : writes) {
    if (value)
      acts.push_back(
          {{"request_put", {{"key", wire::base64(key)}, {"value", wire::base64(*value)}}}});
    else
      acts.push_back({{"request_delete_range", {{"key", wire::base64(key)}}}});
  }
  return dump({{"success", std::move(acts)}});
}

std::string login_request(std::string_view user, std::string_view password) {
  return dump({{"name", user}, {"password", password}});
}

Result<RangeAnswer> parse_range(std::string_view text) {
  const Json json = TRY(parse(text));
  RangeAnswer answer;
  answer.revision = TRY(revision_of(json));
  const auto pairs = json.find("kvs");
  if (pairs == json.end()) return answer;
  if (!pairs->is_array()) return wrong("its keys aren't a list");
  for (const Json& kv : *pairs) answer.pairs.push_back(TRY(pair_of(kv)));
  return answer;
}

Result<WatchAnswer> parse_watch(std::string_view text) {
  const Json json = TRY(parse(text));
  const auto result = json.find("result");
  if (result == json.end() || !result->is_object()) return wrong("it has no result");
  WatchAnswer answer;
  answer.revision = TRY(revision_of(*result));
  const auto compacted = number(*result, "compact_revision");
  if (!compacted) return wrong("its compact_revision isn't a number");
  answer.compacted = *compacted > 0;
  if (const auto canceled = result->find("canceled"); canceled != result->end())
    answer.canceled = canceled->is_boolean() && canceled->get<bool>();
  if (const auto why = result->find("cancel_reason"); why != result->end() && why->is_string())
    answer.why = make_utf8(why->get<std::string>());
  const auto events = result->find("events");
  if (events == result->end()) return answer;
  if (!events->is_array()) return wrong("its events aren't a list");
  for (const Json& event : *events) answer.events.push_back(TRY(event_of(event)));
  return answer;
}

Result<std::string> parse_login(std::string_view text) {
  const Json json = TRY(parse(text));
  const auto token = json.find("token");
  if (token == json.end() || !token->is_string()) return wrong("it has no token");
  auto said = token->get<std::string>();
  // It becomes a header.
  if (said.empty() || said.find_first_of("\r\n") != std::string::npos)
    return wrong("its token can't be one");
  return said;
}

Result<std::uint64_t> parse_deleted(std::string_view text) {
  const Json json = TRY(parse(text));
  const auto count = number(json, "deleted");
  if (!count || *count < 0) return wrong("its count isn't a number");
  return static_cast<std::uint64_t>(*count);
}

std::string error_text(std::string_view text) {
  const Json json = Json::parse(text.begin(), text.end(), nullptr, false);
  if (json.is_object()) {
    for (const char* key : {"message", "error"}) {
      const auto found = json.find(key);
      if (found == json.end()) continue;
      const Json& said =
          found->is_object() && found->contains("message") ? (*found)["message"] : *found;
      if (said.is_string() && !said.get_ref<const std::string&>().empty())
        return make_utf8(said.get<std::string>().substr(0, 300));
    }
  }
  return text.empty() ? "it is empty" : make_utf8(text.substr(0, 100));
}

}  // namespace galileo::gateway
