#include "load/json_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <tuple>

namespace galileo::load {
namespace {

constexpr std::size_t kTextMax = std::size_t{128} << 20;
constexpr std::size_t kDepthMax = 100;
constexpr std::size_t kValuesMax = 1'000'000;

using Json = nlohmann::json;
using Kind = JsonValue::Kind;

// A key that is there twice holds its last value, at its first place.
void merge_repeated(JsonValue& map) {
  std::vector<std::size_t> order(map.keys.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::tie(map.keys[a], a) < std::tie(map.keys[b], b);
  });
  std::vector<bool> repeats(order.size());
  bool any = false;
  for (std::size_t i = 0; i < order.size();) {
    std::size_t end = i + 1;
    while (end < order.size() && map.keys[order[end]] == map.keys[order[i]]) {
      repeats[order[end++]] = true;
      any = true;
    }
    if (end > i + 1) std::swap(map.items[order[i]], map.items[order[end - 1]]);
    i = end;
  }
  if (!any) return;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < repeats.size(); ++i) {
    if (repeats[i]) continue;
    if (kept != i) {
      map.keys[kept] = std::move(map.keys[i]);
      map.items[kept] = std::move(map.items[i]);
    }
    ++kept;
  }
  map.keys.resize(kept);
  map.items.resize(kept);
}

// A tree of the parser's events. One that returns false ends the parsing.
class TreeBuilder final : public nlohmann::json_sax<Json> {
 public:
  std::string why;
  JsonValue root;

  bool null() override { return add({}); }
  bool boolean(bool value) override {
    JsonValue made;
    made.kind = Kind::kBoolean;
    made.boolean = value;
    return add(std::move(made));
  }
  bool number_integer(number_integer_t value) override { return integer(std::to_string(value)); }
  bool number_unsigned(number_unsigned_t value) override { return integer(std::to_string(value)); }
  bool number_float(number_float_t value, const string_t& digits) override {
    // A whole number beyond 64 bits comes here too.
    if (digits.find_first_not_of("-0123456789") == std::string::npos) return integer(digits);
    JsonValue made;
    made.kind = Kind::kFloat;
    made.number = value;
    return add(std::move(made));
  }
  bool string(string_t& value) override {
    JsonValue made;
    made.kind = Kind::kText;
    made.text = std::move(value);
    return add(std::move(made));
  }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(Kind::kMap); }
  bool start_array(std::size_t) override { return open(Kind::kList); }
  bool key(string_t& value) override {
    open_.back().keys.push_back(std::move(value));
    return true;
  }
  bool end_object() override {
    merge_repeated(open_.back());
    return close();
  }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    why = fmt::format("it isn't JSON from character {} on", position);
    return false;
  }

 private:
  bool integer(std::string digits) {
    JsonValue made;
    made.kind = Kind::kInteger;
    made.text = std::move(digits);
    return add(std::move(made));
  }
  bool add(JsonValue value) {
    if (++values_ > kValuesMax) {
      why = fmt::format("it holds more than {} values", kValuesMax);
      return false;
    }
    if (open_.empty())
      root = std::move(value);
    else
      open_.back().items.push_back(std::move(value));
    return true;
  }
  bool open(Kind kind) {
    if (open_.size() >= kDepthMax) {
      why = fmt::format("it is nested more than {} levels deep", kDepthMax);
      return false;
    }
    open_.emplace_back();
    open_.back().kind = kind;
    return true;
  }
  bool close() {
    JsonValue done = std::move(open_.back());
    open_.pop_back();
    return add(std::move(done));
  }

  std::vector<JsonValue> open_;
  std::size_t values_ = 0;
};

// As repr() writes it: always with a point or an exponent.
std::string python_float(double value) {
  std::string text = fmt::format("{}", value);
  if (text.find_first_not_of("-0123456789") == std::string::npos) text += ".0";
  return text;
}

std::string quoted(const std::string& text) {
  return Json(text).dump(-1, ' ', true, Json::error_handler_t::replace);
}

void append_json(std::string& out, const JsonValue& value) {
  switch (value.kind) {
    case Kind::kNull:
      out += "null";
      break;
    case Kind::kBoolean:
      out += value.boolean ? "true" : "false";
      break;
    case Kind::kInteger:
    case Kind::kFloat:
      out += to_python_text(value);
      break;
    case Kind::kText:
      out += quoted(value.text);
      break;
    case Kind::kList:
    case Kind::kMap:
      out += value.kind == Kind::kMap ? '{' : '[';
      for (std::size_t i = 0; i < value.items.size(); ++i) {
        if (i > 0) out += ", ";
        if (value.kind == Kind::kMap) out += quoted(value.keys[i]) + ": ";
        append_json(out, value.items[i]);
      }
      out += value.kind == Kind::kMap ? '}' : ']';
      break;
  }
}

}  // namespace

const JsonValue* JsonValue::find(std::string_view key) const {
  const auto found = std::find(keys.begin(), keys.end(), key);
  return found == keys.end() ? nullptr : &items[static_cast<std::size_t>(found - keys.begin())];
}

Result<JsonValue> parse_json(std::string_view text) {
  if (text.size() > kTextMax)
    return Error{ErrorCode::kUsage, {}, {}, "it is longer than 128 MiB", {}};
  TreeBuilder builder;
  if (!Json::sax_parse(text, &builder))
    return Error{ErrorCode::kUsage, {}, {}, std::move(builder.why), {}};
  return std::move(builder.root);
}

std::string to_python_json(const JsonValue& value) {
  std::string text;
  append_json(text, value);
  return text;
}

std::string to_python_text(const JsonValue& value) {
  switch (value.kind) {
    case Kind::kBoolean:
      return value.boolean ? "True" : "False";
    case Kind::kFloat:
      return python_float(value.number);
    default:
      return value.text;
  }
}

}  // namespace galileo::load
