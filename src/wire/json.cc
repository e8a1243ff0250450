#include "wire/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <tuple>

#include "base/utf8.h"

namespace galileo::wire {
namespace {

using Library = nlohmann::json;

Error no_json(std::string why) {
  return Error{ErrorCode::kCorrupt, "can't read the JSON", {}, std::move(why), {}};
}

// The library's parser tells each value as it meets it, so the bounds hold before anything is made.
// It never throws this way: returning false ends it.
class TreeMaker final : public nlohmann::json_sax<Library> {
 public:
  TreeMaker(Json& root, std::string_view text) : root_(root), text_(text) {}
  const std::string& why() const { return why_; }

  bool null() override { return add(Json::Kind::kNull) != nullptr; }
  bool boolean(bool value) override {
    Json* json = add(Json::Kind::kBoolean);
    if (json) json->boolean = value;
    return json != nullptr;
  }
  bool number_integer(number_integer_t value) override {
    return add(Json::Kind::kInteger, fmt::format("{}", value));
  }
  bool number_unsigned(number_unsigned_t value) override {
    return add(Json::Kind::kInteger, fmt::format("{}", value));
  }
  // Whole numbers beyond 64 bits come this way too; Python keeps all their digits.
  bool number_float(number_float_t value, const string_t& written) override {
    if (written.find_first_of(".eE") == std::string::npos)
      return add(Json::Kind::kInteger, written);
    return add(Json::Kind::kReal, json_real(value));
  }
  bool string(string_t& value) override { return add(Json::Kind::kText, std::move(value)); }
  bool binary(binary_t&) override { return refuse("it holds binary data"); }

  bool start_object(std::size_t) override { return open(Json::Kind::kObject); }
  bool key(string_t& name) override {
    open_.back()->keys.push_back(std::move(name));
    return true;
  }
  bool end_object() override {
    keep_last_of_equal_keys(*open_.back());
    open_.pop_back();
    return true;
  }
  bool start_array(std::size_t) override { return open(Json::Kind::kArray); }
  bool end_array() override {
    open_.pop_back();
    return true;
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    return refuse(fmt::format("it isn't JSON at byte {}{}", position,
                              begins_no_number(position) ? ": NaN and Infinity are Python's" : ""));
  }

 private:
  bool refuse(std::string why) {
    if (why_.empty()) why_ = std::move(why);
    return false;
  }
  // Whether a value begins at that byte (from 1) as NaN or Infinity do.
  bool begins_no_number(std::size_t position) const {
    if (position == 0 || position > text_.size()) return false;
    const char before = position > 1 ? text_[position - 2] : ' ';
    return (text_[position - 1] == 'N' || text_[position - 1] == 'I') &&
           std::string_view("[:,- \t\r\n").find(before) != std::string_view::npos;
  }
  Json* add(Json::Kind kind) {
    if (++values_ > kJsonValuesMax) {
      refuse(fmt::format("it holds more than {} values", kJsonValuesMax));
      return nullptr;
    }
    Json& json = open_.empty() ? root_ : open_.back()->items.emplace_back();
    json.kind = kind;
    return &json;
  }
  bool add(Json::Kind kind, std::string text) {
    Json* json = add(kind);
    if (json) json->text = std::move(text);
    return json != nullptr;
  }
  bool open(Json::Kind kind) {
    if (open_.size() == kJsonDepthMax)
      return refuse(fmt::format("it is nested more than {} deep", kJsonDepthMax));
    // The addresses hold: only the innermost one's items grow while it is open.
    open_.push_back(add(kind));
    return open_.back() != nullptr;
  }
  // Sorted, not compared one by one: an object may have very many keys.
  static void keep_last_of_equal_keys(Json& object) {
    std::vector<std::size_t> order(object.keys.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return std::tie(object.keys[a], a) < std::tie(object.keys[b], b);
    });
    std::vector<bool> dropped(order.size());
    std::size_t first = 0;
    for (std::size_t i = 1; i < order.size(); ++i) {
      if (object.keys[order[i]] != object.keys[order[first]]) {
        first = i;
        continue;
      }
      object.items[order[first]] = std::move(object.items[order[i]]);
      dropped[order[i]] = true;
    }
    std::size_t kept = 0;
    for (std::size_t i = 0; i < dropped.size(); ++i) {
      if (dropped[i]) continue;
      if (kept != i) {
        object.keys[kept] = std::move(object.keys[i]);
        object.items[kept] = std::move(object.items[i]);
      }
      ++kept;
    }
    object.keys.resize(kept);
    object.items.resize(kept);
  }

  Json& root_;
  std::string_view text_;
  std::vector<Json*> open_;  // the arrays and objects that haven't ended, outermost first
  std::size_t values_ = 0;
  std::string why_;
};

// `text` is known to be UTF-8 or is made so by the library.
void append_text(std::string& to, const std::string& text) {
  to += Library(text).dump(-1, ' ', true, Library::error_handler_t::replace);
}

void append(std::string& to, const Json& json) {
  switch (json.kind) {
    case Json::Kind::kNull:
      to += "null";
      break;
    case Json::Kind::kBoolean:
      to += json.boolean ? "true" : "false";
      break;
    case Json::Kind::kInteger:
    case Json::Kind::kReal:
      to += json.text;
      break;
    case Json::Kind::kText:
      append_text(to, json.text);
      break;
    case Json::Kind::kArray:
    case Json::Kind::kObject: {
      const bool object = json.kind == Json::Kind::kObject;
      to += object ? '{' : '[';
      for (std::size_t i = 0; i < json.items.size(); ++i) {
        if (i > 0) to += ", ";
        if (object) {
          append_text(to, json.keys[i]);
          to += ": ";
        }
        append(to, json.items[i]);
      }
      to += object ? '}' : ']';
    }
  }
}

}  // namespace

Result<Json> parse_json(std::string_view text) {
  if (text.size() > kJsonBytesMax)
    return no_json(fmt::format("it has {} bytes, more than {}", text.size(), kJsonBytesMax));
  if (!is_utf8(text)) return no_json("it isn't UTF-8");
  Json root;
  TreeMaker maker(root, text);
  if (!Library::sax_parse(text, &maker)) return no_json(maker.why());
  return root;
}

std::string to_text(const Json& json) {
  std::string text;
  append(text, json);
  return text;
}

const Json* find(const Json& object, std::string_view key) {
  if (object.kind != Json::Kind::kObject) return nullptr;
  const auto at = std::find(object.keys.begin(), object.keys.end(), key);
  if (at == object.keys.end()) return nullptr;
  return &object.items[static_cast<std::size_t>(at - object.keys.begin())];
}

std::string_view kind_name(Json::Kind kind) {
  switch (kind) {
    case Json::Kind::kNull:
      return "null";
    case Json::Kind::kBoolean:
      return "true or false";
    case Json::Kind::kInteger:
      return "a whole number";
    case Json::Kind::kReal:
      return "a number";
    case Json::Kind::kText:
      return "a text";
    case Json::Kind::kArray:
      return "an array";
    case Json::Kind::kObject:
      return "an object";
  }
  return {};
}

std::string json_text(std::string_view text) {
  std::string quoted;
  append_text(quoted, std::string(text));
  return quoted;
}

std::string json_real(double value) {
  if (!std::isfinite(value)) return "null";
  // fmt finds the same digits and uses an exponent where Python does; it leaves ".0" away.
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

}  // namespace galileo::wire
