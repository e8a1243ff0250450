#include "experiment/fields.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace galileo::experiment {

void Problems::add(int line, int column, std::string text, std::string hint) {
  if (++count_ > kShown) return;
  text_ += "\n  " + path_;
  if (line > 0) text_ += fmt::format(":{}:{}", line, column);
  text_ += ": " + std::move(text);
  if (!hint.empty()) text_ += "; " + std::move(hint);
}

void Problems::add(const YamlNode& node, std::string text, std::string hint) {
  add(node.line, node.column, std::move(text), std::move(hint));
}

void Problems::add(const YamlNode& node, const std::string& subject, const Error& error) {
  std::string text = subject;
  for (const std::string& part : {error.what, error.where, error.why}) {
    if (!part.empty()) text += ": " + part;
  }
  add(node, std::move(text), error.hint);
}

Error Problems::to_error() const {
  std::string list = text_;
  if (count_ > kShown) list += fmt::format("\n  and {} more", count_ - kShown);
  return Error{ErrorCode::kUsage,
               fmt::format("the experiment file has {} problem{}", count_, count_ == 1 ? "" : "s"),
               {},
               list,
               {}};
}

std::string kind_text(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kList:
      return "a list";
    case YamlNode::Kind::kMap:
      return "a map";
    case YamlNode::Kind::kScalar:
      return node.scalar.size() > 60 ? "a text" : fmt::format("'{}'", node.scalar);
  }
  return {};
}

Fields::Fields(Problems& problems, const YamlNode& node, std::string where,
               const std::vector<std::string>& known)
    : problems_(problems), node_(node), where_(std::move(where)) {
  if (node.kind == YamlNode::Kind::kNull) return;
  if (node.kind != YamlNode::Kind::kMap) {
    problems_.add(node, fmt::format("{} must be a map, not {}",
                                    where_.empty() ? "the file" : where_, kind_text(node)));
    return;
  }
  for (std::size_t i = 0; i < node.map.size(); ++i) {
    const std::string& key = node.map[i].first;
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    const auto [line, column] = node.key_places[i];
    problems_.add(line, column,
                  fmt::format("unknown key '{}'{}", key, where_.empty() ? "" : " in " + where_),
                  hint_for_unknown(key, known));
  }
}

const YamlNode* Fields::find(std::string_view key) const {
  const YamlNode* node = node_.kind == YamlNode::Kind::kMap ? node_.find(key) : nullptr;
  return node && node->kind != YamlNode::Kind::kNull ? node : nullptr;
}

std::string Fields::where(std::string_view key) const {
  return where_.empty() ? std::string(key) : fmt::format("{}.{}", where_, key);
}

void Fields::wrong_type(const YamlNode& node, std::string_view key, std::string_view wanted) const {
  problems_.add(node, fmt::format("{} must be {}, not {}", where(key), wanted, kind_text(node)));
}

template <class T>
std::optional<T> Fields::parsed(std::string_view key, std::string_view wanted,
                                const std::function<Result<T>(std::string_view)>& parse) const {
  const YamlNode* node = find(key);
  if (!node) return std::nullopt;
  if (node->kind != YamlNode::Kind::kScalar) {
    wrong_type(*node, key, wanted);
    return std::nullopt;
  }
  auto value = parse(node->scalar);
  if (!value.ok()) {
    Error error = value.error();
    problems_.add(*node, fmt::format("{} must be {}, not {}", where(key), wanted, kind_text(*node)),
                  error.hint);
    return std::nullopt;
  }
  return *value;
}

std::optional<std::string> Fields::text(std::string_view key) const {
  return parsed<std::string>(
      key, "a text", [](std::string_view text) { return Result<std::string>(std::string(text)); });
}

std::optional<double> Fields::number(std::string_view key) const {
  return parsed<double>(key, "a number", [](std::string_view text) -> Result<double> {
    const auto value = parse_number(text);
    if (!value) return Error{};
    return *value;
  });
}

std::optional<bool> Fields::boolean(std::string_view key) const {
  return parsed<bool>(key, "true or false", [](std::string_view text) -> Result<bool> {
    const std::string lower = to_lower(text);
    if (lower == "true" || lower == "yes" || lower == "on") return true;
    if (lower == "false" || lower == "no" || lower == "off") return false;
    return Error{};
  });
}

std::optional<std::uint64_t> Fields::count(std::string_view key) const {
  return parsed<std::uint64_t>(key, "a whole number from 0 up",
                               [](std::string_view text) { return parse_count(text); });
}

std::optional<Duration> Fields::duration(std::string_view key) const {
  return parsed<Duration>(key, "a duration",
                          [](std::string_view text) { return parse_duration(text); });
}

std::optional<std::vector<double>> Fields::numbers(std::string_view key) const {
  const YamlNode* node = find(key);
  if (!node) return std::nullopt;
  std::vector<double> values;
  const std::vector<YamlNode> single{*node};
  for (const YamlNode& item : node->kind == YamlNode::Kind::kList ? node->list : single) {
    const auto value =
        item.kind == YamlNode::Kind::kScalar ? parse_number(item.scalar) : std::nullopt;
    if (!value) {
      wrong_type(item, key, "a list of numbers");
      return std::nullopt;
    }
    values.push_back(*value);
  }
  return values;
}

std::optional<std::vector<std::string>> Fields::words(std::string_view key) const {
  const YamlNode* node = find(key);
  if (!node) return std::nullopt;
  if (node->kind == YamlNode::Kind::kScalar) return std::vector<std::string>{node->scalar};
  std::vector<std::string> values;
  for (const YamlNode& item : node->list) {
    if (item.kind != YamlNode::Kind::kScalar) {
      wrong_type(item, key, "a list of texts");
      return std::nullopt;
    }
    values.push_back(item.scalar);
  }
  if (node->kind != YamlNode::Kind::kList) {
    wrong_type(*node, key, "a list of texts");
    return std::nullopt;
  }
  return values;
}

std::string Fields::required(std::string_view key) const {
  if (!has(key)) {
    problems_.add(node_, fmt::format("{} is missing", where(key)));
    return {};
  }
  const auto value = text(key);
  if (value && value->empty()) problems_.add(*find(key), fmt::format("{} is empty", where(key)));
  return value.value_or("");
}

}  // namespace galileo::experiment
