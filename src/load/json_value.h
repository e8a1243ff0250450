// JSON as a plain tree that keeps what Python's json module keeps: the order of the keys, and every
// digit of a whole number. A client's parameters are read from it, and a body is written from it as
// Python would have written it. Pure functions, plain values; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galileo::load {

struct JsonValue {
  enum class Kind : unsigned char { kNull, kBoolean, kInteger, kFloat, kText, kList, kMap };
  Kind kind = Kind::kNull;
  bool boolean = false;
  double number = 0;              // of a float
  std::string text;               // of a text; of an integer, its digits
  std::vector<std::string> keys;  // of a map, in order; no key is there twice, the last one holds
  std::vector<JsonValue> items;   // of a list; of a map, the values of its keys

  bool is_scalar() const { return kind != Kind::kList && kind != Kind::kMap; }
  // The value of that key of a map; null where there is none.
  const JsonValue* find(std::string_view key) const;
};

// An Error for what isn't JSON, and beyond 128 MiB, 100 levels or 1,000,000 values.
Result<JsonValue> parse_json(std::string_view text);

// As json.dumps() writes it: ", " and ": " between, nothing beyond ASCII.
std::string to_python_json(const JsonValue& value);

// As str() makes of a scalar: True, 2.0, text as it is; empty for null.
std::string to_python_text(const JsonValue& value);

}  // namespace galileo::load
