#include "plan/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>

#include "base/check.h"
#include "base/text.h"
#include "load/rate_shape.h"

namespace galileo::plan {
namespace {

constexpr std::size_t kProblemsKept = 1000;
constexpr std::size_t kProblemsShown = 40;
constexpr std::size_t kLineMax = 400;

// A text of the file's as part of a message's one line: nothing that moves a terminal's cursor.
std::string printable(std::string_view text) {
  std::string line;
  for (const char c : text.substr(0, kLineMax)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n')
      line += "\\n";
    else if (byte < 0x20 || byte == 0x7f)
      line += fmt::format("\\x{:02x}", byte);
    else
      line += c;
  }
  return text.size() > kLineMax ? line + "..." : line;
}

Result<std::uint64_t> parse_size(std::string_view text) {
  struct Unit {
    std::string_view name;
    double factor;
  };
  static constexpr std::array kUnits{Unit{"KiB", 1024},       Unit{"MiB", 1048576},
                                     Unit{"GiB", 1073741824}, Unit{"kB", 1e3},
                                     Unit{"MB", 1e6},         Unit{"GB", 1e9}};
  for (const Unit& unit : kUnits) {
    if (!text.ends_with(unit.name)) continue;
    const auto number = parse_number(trim(text.substr(0, text.size() - unit.name.size())));
    if (!number || *number < 0 || *number * unit.factor > 1e18) break;
    return static_cast<std::uint64_t>(*number * unit.factor);
  }
  auto count = parse_count(text);
  if (!count.ok()) count.error().hint = "write it as 4096, 64KiB or 1MB";
  return count;
}

// As parse_count(), but every digit of a long number is kept.
Result<std::uint64_t> parse_whole(std::string_view text) {
  if (const auto integer = parse_integer(text); integer && *integer >= 0)
    return static_cast<std::uint64_t>(*integer);
  return parse_count(text);
}

}  // namespace

const std::vector<std::string>& keys_of(MapKind map) {
  static const std::vector<std::vector<std::string>> keys = [] {
    std::vector<std::vector<std::string>> all{
#define KEYS(map, ...) {__VA_ARGS__},
#include "plan/file_keys.def"
#undef KEYS
    };
    std::vector<std::string>& rate = all[static_cast<std::size_t>(MapKind::rate)];
    for (const load::ShapeRow& shape : load::shape_rows()) {
      for (const load::ShapeParameter& parameter : shape.parameters) {
        if (std::find(rate.begin(), rate.end(), parameter.key) == rate.end())
          rate.emplace_back(parameter.key);
      }
    }
    return all;
  }();
  return keys[static_cast<std::size_t>(map)];
}

void Problems::add(const wire::YamlPlace& place, std::string_view text, std::string_view hint) {
  if (++count_ > kProblemsKept) return;
  std::string line;
  if (place.setting >= 0)
    line = settings_[static_cast<std::size_t>(place.setting)];
  else if (place.line > 0)
    line = fmt::format("{}:{}:{}", path_, place.line, place.column);
  else
    line = path_;
  line = fmt::format("{}: {}", printable(line), printable(text));
  if (!hint.empty()) line += "; " + printable(hint);
  kept_.push_back({place, count_, std::move(line)});
}

void Problems::add(const wire::YamlPlace& place, std::string_view subject, const Error& error) {
  std::string text(subject);
  for (const std::string& part : {error.what, error.where, error.why}) {
    if (!part.empty()) text += (text.empty() ? "" : ": ") + part;
  }
  add(place, text, error.hint);
}

Error Problems::to_error() const {
  std::vector<Problem> sorted = kept_;
  std::sort(sorted.begin(), sorted.end(), [](const Problem& a, const Problem& b) {
    return std::tie(a.place.setting, a.place.line, a.place.column, a.number) <
           std::tie(b.place.setting, b.place.line, b.place.column, b.number);
  });
  std::string list;
  for (std::size_t i = 0; i < std::min(sorted.size(), kProblemsShown); ++i)
    list += "\n  " + sorted[i].line;
  if (count_ > kProblemsShown) list += fmt::format("\n  and {} more", count_ - kProblemsShown);
  return Error{
      ErrorCode::kUsage,
      fmt::format("the {} {} problem{}", path_.empty() ? "flags have" : "experiment file has",
                  count_, count_ == 1 ? "" : "s"),
      {},
      list,
      {}};
}

Fields::Fields(Problems& problems, const wire::YamlNode& node, std::string where, MapKind map)
    : problems_(problems), node_(node), where_(std::move(where)), map_(map) {
  if (node.kind == wire::YamlNode::Kind::kNull) return;
  if (node.kind != wire::YamlNode::Kind::kMap) {
    problems_.add(node.place,
                  fmt::format("{} must be a map, not {}", where_.empty() ? "the file" : where_,
                              wire::kind_text(node)));
    return;
  }
  const std::vector<std::string>& known = keys_of(map);
  for (std::size_t i = 0; i < node.keys.size(); ++i) {
    const auto& [key, place] = node.keys[i];
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    auto meant = did_you_mean(key, known);
    problems_.add(place,
                  fmt::format("unknown key '{}'{}", key, where_.empty() ? "" : " in " + where_),
                  meant ? fmt::format("did you mean '{}'?", *meant)
                        : fmt::format("use one of: {}", fmt::join(known, ", ")));
    if (meant) misspelt_.push_back(std::move(*meant));
  }
}

const wire::YamlNode* Fields::find(std::string_view key) const {
  const std::vector<std::string>& known = keys_of(map_);
  ENSURE(std::find(known.begin(), known.end(), key) != known.end(), key, where_);
  const wire::YamlNode* node = node_.find(key);
  return node && node->kind != wire::YamlNode::Kind::kNull ? node : nullptr;
}

const wire::YamlPlace& Fields::place(std::string_view key) const {
  const wire::YamlNode* node = find(key);
  return node ? node->place : node_.place;
}

std::string Fields::where(std::string_view key) const {
  return where_.empty() ? std::string(key) : fmt::format("{}.{}", where_, key);
}

void Fields::wrong_type(const wire::YamlNode& node, std::string_view key,
                        std::string_view wanted) const {
  problems_.add(node.place,
                fmt::format("{} must be {}, not {}", where(key), wanted, wire::kind_text(node)));
}

bool Fields::misspelt(std::string_view key) const {
  return std::find(misspelt_.begin(), misspelt_.end(), key) != misspelt_.end();
}

void Fields::missing(std::string_view key, std::string_view hint) const {
  if (node_.kind == wire::YamlNode::Kind::kList || node_.kind == wire::YamlNode::Kind::kScalar)
    return;
  if (!misspelt(key)) problems_.add(node_.place, where(key) + " is missing", hint);
}

template <class T>
std::optional<T> Fields::parsed(std::string_view key, std::string_view wanted,
                                const std::function<Result<T>(std::string_view)>& parse) const {
  const wire::YamlNode* node = find(key);
  if (!node) return std::nullopt;
  if (node->kind != wire::YamlNode::Kind::kScalar) {
    wrong_type(*node, key, wanted);
    return std::nullopt;
  }
  auto value = parse(node->scalar);
  if (value.ok()) return *value;
  problems_.add(node->place,
                fmt::format("{} must be {}, not {}", where(key), wanted, wire::kind_text(*node)),
                value.error().hint);
  return std::nullopt;
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

std::optional<std::uint64_t> Fields::count(std::string_view key, std::uint64_t fewest,
                                           std::uint64_t most) const {
  const auto value = parsed<std::uint64_t>(
      key, fmt::format("a whole number from {} to {}", format_count(fewest), format_count(most)),
      [&](std::string_view text) -> Result<std::uint64_t> {
        const std::uint64_t number = TRY(parse_whole(text));
        if (number < fewest || number > most) return Error{};
        return number;
      });
  return value;
}

std::optional<std::uint64_t> Fields::size(std::string_view key, std::uint64_t most) const {
  return parsed<std::uint64_t>(
      key, fmt::format("a size up to {}", format_bytes(static_cast<double>(most))),
      [&](std::string_view text) -> Result<std::uint64_t> {
        const std::uint64_t number = TRY(parse_size(text));
        if (number > most) return Error{};
        return number;
      });
}

std::optional<Duration> Fields::duration(std::string_view key) const {
  return parsed<Duration>(key, "a duration",
                          [](std::string_view text) { return parse_duration(text); });
}

std::optional<Duration> Fields::positive_duration(std::string_view key) const {
  return parsed<Duration>(key, "a duration above 0", [](std::string_view text) -> Result<Duration> {
    const Duration value = TRY(parse_duration(text));
    if (value.count() <= 0) return Error{};
    return value;
  });
}

std::optional<double> Fields::rate(std::string_view key) const {
  return parsed<double>(key, "a rate from 0 up",
                        [](std::string_view text) { return parse_rate(text); });
}

std::optional<std::vector<double>> Fields::numbers(std::string_view key) const {
  const wire::YamlNode* node = find(key);
  if (!node) return std::nullopt;
  std::vector<double> values;
  const auto add = [&](const wire::YamlNode& item) {
    const auto value =
        item.kind == wire::YamlNode::Kind::kScalar ? parse_number(item.scalar) : std::nullopt;
    if (!value) wrong_type(item, key, "a list of numbers");
    values.push_back(value.value_or(0));
    return value.has_value();
  };
  if (node->kind != wire::YamlNode::Kind::kList)
    return add(*node) ? std::optional(values) : std::nullopt;
  bool right = true;
  for (const wire::YamlNode& item : node->items) right = add(item) && right;
  return right ? std::optional(values) : std::nullopt;
}

std::optional<std::vector<std::string>> Fields::words(std::string_view key) const {
  const wire::YamlNode* node = find(key);
  if (!node) return std::nullopt;
  if (node->kind == wire::YamlNode::Kind::kScalar) return std::vector<std::string>{node->scalar};
  if (node->kind != wire::YamlNode::Kind::kList) {
    wrong_type(*node, key, "a list of texts");
    return std::nullopt;
  }
  std::vector<std::string> values;
  for (const wire::YamlNode& item : node->items) {
    if (item.kind != wire::YamlNode::Kind::kScalar) {
      wrong_type(item, key, "a list of texts");
      return std::nullopt;
    }
    values.push_back(item.scalar);
  }
  return values;
}

std::string Fields::required(std::string_view key) const {
  if (!has(key)) {
    missing(key);
    return {};
  }
  const auto value = text(key);
  if (value && value->empty()) problems_.add(place(key), fmt::format("{} is empty", where(key)));
  return value.value_or("");
}

std::optional<std::string> Fields::name(std::string_view key) const {
  if (!has(key)) return std::nullopt;
  std::string value = required(key);
  const auto unfit = unfit_name(value);
  if (unfit) problems_.add(place(key), fmt::format("{} {}", where(key), *unfit));
  if (unfit || value.empty()) return std::nullopt;
  return value;
}

std::string Fields::required_name(std::string_view key) const {
  return has(key) ? name(key).value_or("") : required(key);
}

std::optional<std::string> Fields::choice(std::string_view key,
                                          const std::vector<std::string>& known) const {
  auto value = text(key);
  if (!value || std::find(known.begin(), known.end(), *value) != known.end()) return value;
  problems_.add(
      place(key),
      fmt::format("unknown {} '{}'{}", key, *value, where_.empty() ? "" : " in " + where_),
      hint_for_unknown(*value, known));
  return std::nullopt;
}

void Fields::each(
    std::string_view key,
    const std::function<void(const wire::YamlNode& item, const std::string& where)>& read) const {
  const wire::YamlNode* list = find(key);
  if (!list) return;
  if (list->kind != wire::YamlNode::Kind::kList) return wrong_type(*list, key, "a list");
  for (std::size_t i = 0; i < list->items.size(); ++i)
    read(list->items[i], fmt::format("{}[{}]", where(key), i));
}

std::optional<std::string> unfit_name(std::string_view name) {
  const auto unfit = std::find_if(name.begin(), name.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f || c == ',' || c == '{' || c == '}';
  });
  if (unfit == name.end()) return std::nullopt;
  if (*unfit == ',' || *unfit == '{' || *unfit == '}')
    return fmt::format("can't hold a '{}'", *unfit);
  return "can't hold a control character";
}

}  // namespace galileo::plan
