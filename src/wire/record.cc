#include "wire/record.h"

#include <fmt/format.h>

#include <cmath>

#include "base/text.h"

namespace galileo::wire {
namespace {

constexpr double kWholeMax = 9007199254740992;  // 2^53: all whole numbers up to it are doubles

Error no_record(std::string_view type, std::string why) {
  return Error{ErrorCode::kCorrupt, "can't read the record", std::string(type), std::move(why), {}};
}

std::string number_text(const Number& number) {
  return number.whole ? fmt::format("{:.0f}", number.value) : json_real(number.value);
}

// Why the message can't be of `type`; empty where it can.
std::string refused_tag(const Json& json, std::string_view type, Tag tag) {
  const Json* found = find(json, "__type");
  if (!found) return tag == Tag::kRequired ? "it has no __type" : "";
  if (found->kind == Json::Kind::kText && found->text == type) return {};
  return fmt::format("it is of the class {}", to_text(*found).substr(0, 80));
}

}  // namespace

RecordReader::RecordReader(const Json& json, std::string_view type, Tag tag) : type_(type) {
  why_ = refused_tag(json, type, tag);
  const Json* inside = find(json, "__obj");
  fields_ = inside ? inside : &json;
  if (fields_->kind != Json::Kind::kArray && fields_->kind != Json::Kind::kObject)
    fail(fmt::format("it is {}, not an array or an object", kind_name(fields_->kind)));
}

void RecordReader::fail(std::string why) {
  if (why_.empty()) why_ = std::move(why);
}

void RecordReader::wrong(std::string_view name, std::string_view wanted, const Json& found) {
  fail(fmt::format("{} is {}, not {}", name, kind_name(found.kind), wanted));
}

void RecordReader::adopt(const RecordReader& inner, std::string_view name) {
  if (!inner.why_.empty()) fail(fmt::format("in {}: {}", name, inner.why_));
}

const Json* RecordReader::next(std::string_view name) {
  if (!why_.empty()) return nullptr;
  if (fields_->kind == Json::Kind::kObject) return find(*fields_, name);
  const std::size_t at = position_++;
  return at < fields_->items.size() ? &fields_->items[at] : nullptr;
}

const Json* RecordReader::take(std::string_view name) {
  const Json* json = next(name);
  if (!json) fail(fmt::format("{} is missing", name));
  return json;
}

bool RecordReader::text_of(std::string_view name, const Json& json, std::string& value) {
  if (json.kind != Json::Kind::kText) {
    wrong(name, "a text", json);
    return false;
  }
  value = json.text;
  return true;
}

bool RecordReader::count_of(std::string_view name, const Json& json, std::uint64_t& value) {
  const bool number = json.kind == Json::Kind::kInteger || json.kind == Json::Kind::kReal;
  // Python counts with 3.0 as well as with 3.
  const std::optional<double> found = number ? parse_number(json.text) : std::nullopt;
  if (!found) {
    wrong(name, "a whole number", json);
    return false;
  }
  if (*found < 0 || *found > kWholeMax || std::trunc(*found) != *found) {
    fail(fmt::format("{} is {}, not a whole number from 0 to 2^53", name, json.text.substr(0, 40)));
    return false;
  }
  value = static_cast<std::uint64_t>(*found);
  return true;
}

void RecordReader::field(std::string_view name, std::string& value) {
  if (const Json* json = take(name)) text_of(name, *json, value);
}

void RecordReader::field(std::string_view name, std::uint64_t& value) {
  if (const Json* json = take(name)) count_of(name, *json, value);
}

void RecordReader::field(std::string_view name, bool& value) {
  const Json* json = take(name);
  if (!json) return;
  if (json->kind != Json::Kind::kBoolean) return wrong(name, "true or false", *json);
  value = json->boolean;
}

void RecordReader::optional(std::string_view name, std::string& value) {
  const Json* json = next(name);
  if (json && json->kind != Json::Kind::kNull) text_of(name, *json, value);
}

void RecordReader::optional(std::string_view name, std::optional<std::string>& value) {
  const Json* json = next(name);
  std::string text;
  if (json && json->kind != Json::Kind::kNull && text_of(name, *json, text)) value = text;
}

void RecordReader::optional(std::string_view name, std::uint64_t& value) {
  const Json* json = next(name);
  if (json && json->kind != Json::Kind::kNull) count_of(name, *json, value);
}

void RecordReader::optional(std::string_view name, std::optional<std::uint64_t>& value) {
  const Json* json = next(name);
  std::uint64_t count = 0;
  if (json && json->kind != Json::Kind::kNull && count_of(name, *json, count)) value = count;
}

void RecordReader::optional(std::string_view name, std::optional<std::vector<Number>>& value) {
  const Json* json = next(name);
  if (!json || json->kind == Json::Kind::kNull) return;
  if (json->kind != Json::Kind::kArray) return wrong(name, "an array of numbers", *json);
  std::vector<Number> numbers;
  numbers.reserve(json->items.size());
  for (const Json& item : json->items) {
    const bool integer = item.kind == Json::Kind::kInteger;
    if (!integer && item.kind != Json::Kind::kReal)
      return wrong(fmt::format("{}[{}]", name, numbers.size()), "a number", item);
    const double number = parse_number(item.text).value_or(0);
    numbers.push_back({number, integer && std::abs(number) <= kWholeMax});
  }
  value = std::move(numbers);
}

void RecordReader::json_of(std::string_view name, const Json& json, std::string& text,
                           AnyKind wanted) {
  if (json.kind == Json::Kind::kNull) return text.clear();
  if (wanted && json.kind != *wanted) return wrong(name, kind_name(*wanted), json);
  text = to_text(json);
}

void RecordReader::json(std::string_view name, std::string& text, AnyKind wanted) {
  if (const Json* json = take(name)) json_of(name, *json, text, wanted);
}

void RecordReader::optional_json(std::string_view name, std::string& text, AnyKind wanted) {
  if (const Json* json = next(name)) json_of(name, *json, text, wanted);
}

Result<void> RecordReader::result() const {
  if (!why_.empty()) return no_record(type_, why_);
  return {};
}

RecordWriter::RecordWriter(std::string& to) : to_(to) {
  to_ += '[';
}

void RecordWriter::end() {
  to_ += ']';
}

void RecordWriter::separate() {
  if (!first_) to_ += ", ";
  first_ = false;
}

void RecordWriter::put(std::string_view json) {
  separate();
  to_ += json;
}

void RecordWriter::field(std::string_view, const std::string& value) {
  put(json_text(value));
}

void RecordWriter::field(std::string_view, std::uint64_t value) {
  put(fmt::format("{}", value));
}

void RecordWriter::field(std::string_view, bool value) {
  put(value ? "true" : "false");
}

void RecordWriter::optional(std::string_view name, const std::string& value) {
  field(name, value);
}

void RecordWriter::optional(std::string_view, const std::optional<std::string>& value) {
  put(value ? json_text(*value) : "null");
}

void RecordWriter::optional(std::string_view name, std::uint64_t value) {
  field(name, value);
}

void RecordWriter::optional(std::string_view, const std::optional<std::uint64_t>& value) {
  put(value ? fmt::format("{}", *value) : "null");
}

void RecordWriter::optional(std::string_view, const std::optional<std::vector<Number>>& value) {
  if (!value) return put("null");
  std::string list = "[";
  for (const Number& number : *value) {
    if (list.size() > 1) list += ", ";
    list += number_text(number);
  }
  put(list + "]");
}

void RecordWriter::json(std::string_view, const std::string& text, AnyKind) {
  if (text.empty()) return put("null");
  const Result<Json> json = parse_json(text);
  put(json.ok() ? to_text(*json) : json_text(text));
}

void RecordWriter::optional_json(std::string_view name, const std::string& text, AnyKind wanted) {
  json(name, text, wanted);
}

std::string wrap_record(std::string_view fields, std::string_view type) {
  return fmt::format("{{\"__obj\": {}, \"__type\": {}}}", fields, json_text(type));
}

Result<const std::vector<Json>*> records_of(const Json& json, std::string_view type) {
  const std::string why = refused_tag(json, type, Tag::kOptional);
  if (!why.empty()) return no_record(type, why);
  const Json* inside = find(json, "__list");
  const Json& list = inside ? *inside : json;
  if (list.kind != Json::Kind::kArray)
    return no_record(type, fmt::format("the list is {}, not an array", kind_name(list.kind)));
  return &list.items;
}

}  // namespace galileo::wire
