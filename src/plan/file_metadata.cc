#include "plan/file_metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>

#include "analysis/result.h"
#include "base/secrets.h"
#include "base/text.h"
#include "wire/json.h"

namespace galileo::plan {
namespace {

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// The whole number that a plain scalar is: decimal, 0x or 0o; of any size, as JSON's numbers are.
std::optional<std::string> whole_number(std::string_view text) {
  if (text.starts_with("0x") || text.starts_with("0o")) {
    const bool is_octal = text[1] == 'o';
    std::uint64_t number = 0;
    const std::string_view digits = text.substr(2);
    if (digits.empty() || digits.size() > 15) return std::nullopt;
    for (const char c : digits) {
      const auto digit = std::string_view("0123456789abcdef").find(c | 0x20);
      if (digit >= (is_octal ? 8U : 16U)) return std::nullopt;
      number = number * (is_octal ? 8 : 16) + digit;
    }
    return fmt::format("{}", number);
  }
  const bool minus = text.starts_with('-');
  if (minus || text.starts_with('+')) text.remove_prefix(1);
  if (!is_digits(text)) return std::nullopt;
  text.remove_prefix(std::min(text.find_first_not_of('0'), text.size() - 1));
  return (minus && text != "0" ? "-" : "") + std::string(text);
}

std::string scalar_json(const wire::YamlNode& node) {
  const std::string& text = node.scalar;
  if (node.quoted) return wire::json_text(text);
  const auto is = [&](auto... words) { return ((text == words) || ...); };
  if (is("", "~", "null", "Null", "NULL")) return "null";
  if (is("true", "True", "TRUE")) return "true";
  if (is("false", "False", "FALSE")) return "false";
  if (const auto whole = whole_number(text)) return *whole;
  // "1e3" and ".5" are numbers; "nan" and "inf", which JSON has none of, stay text.
  const bool may_be = text.find_first_not_of("+-.0123456789eE") == std::string::npos;
  const auto number = may_be ? parse_number(text.starts_with('+') ? text.substr(1) : text)
                             : std::optional<double>();
  return number ? wire::json_real(*number) : wire::json_text(text);
}

// What stands below a credential's name is hidden where it is text; a number is a count of tokens.
std::string json_of(const wire::YamlNode& node, bool is_secret = false) {
  std::string json;
  switch (node.kind) {
    case wire::YamlNode::Kind::kNull:
      return "null";
    case wire::YamlNode::Kind::kScalar:
      json = scalar_json(node);
      return is_secret && json.starts_with('"') ? wire::json_text("***") : json;
    case wire::YamlNode::Kind::kList:
      for (const wire::YamlNode& item : node.items)
        json += (json.empty() ? "" : ", ") + json_of(item, is_secret);
      return "[" + json + "]";
    case wire::YamlNode::Kind::kMap:
      for (std::size_t i = 0; i < node.keys.size(); ++i) {
        const std::string& key = node.keys[i].text;
        json += fmt::format("{}{}: {}", json.empty() ? "" : ", ", wire::json_text(key),
                            json_of(node.items[i], is_secret || is_secret_name(key)));
      }
      return "{" + json + "}";
  }
  return "null";
}

}  // namespace

std::string read_metadata(const Fields& file) {
  const wire::YamlNode* const map = file.find("metadata");
  if (!map) return {};
  if (map->kind != wire::YamlNode::Kind::kMap) {
    file.wrong_type(*map, "metadata", "a map");
    return {};
  }
  const std::vector<std::string>& ours = analysis::result_metadata_keys();
  for (const wire::YamlKey& key : map->keys) {
    if (std::find(ours.begin(), ours.end(), key.text) != ours.end())
      file.problems().add(
          key.place,
          fmt::format("metadata can't have the key '{}', which the result has", key.text),
          fmt::format("call it another, or put it into a map: {{mine: {{{}: ...}}}}", key.text));
  }
  return map->keys.empty() ? std::string() : json_of(*map);
}

}  // namespace galileo::plan
