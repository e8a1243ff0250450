#include "wire/fleet_requests.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "wire/json.h"

namespace galileo::wire {
namespace {

using Kind = Json::Kind;

constexpr std::string_view kReference = "content:";
constexpr std::size_t kHashDigits = 64;

Error unread(std::string_view what, std::string_view field, std::string why) {
  return Error{ErrorCode::kCorrupt, fmt::format("{} can't be read", what), std::string(field),
               std::move(why), "is its sender of the same version?"};
}

std::string encode_names(const std::vector<ContentName>& names) {
  std::string out = "[";
  for (const ContentName& name : names)
    out += fmt::format(R"({}{{"hash": {}, "bytes": {}, "called": {}}})", out.size() > 1 ? ", " : "",
                       json_text(name.hash), name.bytes, json_text(name.called));
  return out + "]";
}

Result<std::string> text_of(const Json& object, std::string_view what, std::string_view field) {
  const Json* const found = find(object, field);
  if (found && found->kind == Kind::kText) return found->text;
  return unread(what, field, "it isn't a text");
}

Result<std::vector<ContentName>> decode_names(const Json& object, std::string_view what,
                                              std::string_view field) {
  const Json* const found = find(object, field);
  if (!found || found->kind != Kind::kArray || found->items.size() > kContentsAtOnce)
    return unread(what, field, fmt::format("it isn't a list of up to {}", kContentsAtOnce));
  std::vector<ContentName> names;
  for (const Json& item : found->items) {
    ContentName& name = names.emplace_back();
    name.hash = TRY(text_of(item, what, "hash"));
    name.called = TRY(text_of(item, what, "called"));
    if (!is_content_hash(name.hash)) return unread(what, "hash", "it isn't a SHA-256");
    const Json* const bytes = find(item, "bytes");
    const auto count =
        bytes && bytes->kind == Kind::kInteger ? parse_integer(bytes->text) : std::nullopt;
    if (!count || *count < 0 || static_cast<std::uint64_t>(*count) > kContentMax)
      return unread(what, "bytes", fmt::format("it isn't a number up to {}", kContentMax));
    name.bytes = static_cast<std::uint64_t>(*count);
  }
  return names;
}

}  // namespace

std::string encode(const TakeRequests& take) {
  return fmt::format(R"({{"run": {}, "descriptions": {}, "contents": {}}})", json_text(take.run),
                     encode_names(take.descriptions), encode_names(take.contents));
}

Result<TakeRequests> decode_take_requests(std::string_view json) {
  constexpr std::string_view kWhat = "what requests are made of";
  const Json object = TRY(parse_json(json));
  TakeRequests take;
  take.run = TRY(text_of(object, kWhat, "run"));
  take.descriptions = TRY(decode_names(object, kWhat, "descriptions"));
  take.contents = TRY(decode_names(object, kWhat, "contents"));
  std::uint64_t bytes = 0;
  for (const auto* const names : {&take.descriptions, &take.contents}) {
    for (const ContentName& name : *names) bytes += name.bytes;
  }
  if (bytes > kContentsMax) return unread(kWhat, "bytes", "they are too many together");
  return take;
}

std::string encode_notes(const std::vector<std::string>& notes) {
  std::string out = "[";
  for (const std::string& note : notes) out += (out.size() > 1 ? ", " : "") + json_text(note);
  return out + "]";
}

Result<std::vector<std::string>> decode_notes(std::string_view json) {
  const Json list = TRY(parse_json(json));
  std::vector<std::string> notes;
  if (list.kind != Kind::kArray) return unread("a worker's answer", {}, "it isn't a list");
  for (const Json& item : list.items) {
    if (item.kind != Kind::kText) return unread("a worker's answer", {}, "a note isn't a text");
    notes.push_back(item.text);
  }
  return notes;
}

std::string parameters_of(const RequestsName& name) {
  return fmt::format(R"({{"galileo": {{"requests": {{"run": {}, "hash": {}}}}}}})",
                     json_text(name.run), json_text(name.hash));
}

std::optional<RequestsName> requests_named_in(std::string_view parameters) {
  // A body may be long: one that names none isn't read twice.
  if (parameters.find("\"requests\"") == std::string_view::npos) return std::nullopt;
  const auto json = parse_json(parameters);
  if (!json.ok()) return std::nullopt;
  const Json* const ours = find(*json, "galileo");
  const Json* const named = ours ? find(*ours, "requests") : nullptr;
  const Json* const run = named ? find(*named, "run") : nullptr;
  const Json* const hash = named ? find(*named, "hash") : nullptr;
  if (!run || !hash || run->kind != Kind::kText || hash->kind != Kind::kText) return std::nullopt;
  return RequestsName{run->text, hash->text};
}

std::string content_reference(std::string_view hash) {
  return std::string(kReference) + std::string(hash);
}

std::optional<std::string> referred_content(std::string_view reference) {
  if (!reference.starts_with(kReference)) return std::nullopt;
  const std::string_view hash = reference.substr(kReference.size());
  if (!is_content_hash(hash)) return std::nullopt;
  return std::string(hash);
}

bool is_content_hash(std::string_view text) {
  return text.size() == kHashDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace galileo::wire
