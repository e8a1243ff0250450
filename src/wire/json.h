// JSON as a tree of plain values, read with bounds and written exactly as Python's json.dumps does
// by default: ", " and ": " between things, everything beyond ASCII as \uXXXX, keys in their order,
// whole numbers of any size as they are, others as Python's repr writes them. So what the old
// system sent goes out again with the same bytes. Values and pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galileo::wire {

// What is refused, so that no message can cost more than it should.
inline constexpr std::size_t kJsonBytesMax = std::size_t{16} << 20;
inline constexpr std::size_t kJsonValuesMax = 1'000'000;
inline constexpr std::size_t kJsonDepthMax = 64;  // arrays and objects inside each other

struct Json {
  enum class Kind : std::uint8_t { kNull, kBoolean, kInteger, kReal, kText, kArray, kObject };
  Kind kind = Kind::kNull;
  bool boolean = false;
  std::string text;               // a text's characters (UTF-8), or a number as Python writes it
  std::vector<Json> items;        // of an array, or the values of an object
  std::vector<std::string> keys;  // of an object: one for each item, none twice

  bool operator==(const Json&) const = default;
};

// The value that the text is. Of two equal keys the last value counts, at the first one's place, as
// in Python. An Error (kCorrupt) with the byte for what isn't JSON, NaN and Infinity among it
// (Python writes them, JSON has none), isn't UTF-8, or is over a limit.
Result<Json> parse_json(std::string_view text);

std::string to_text(const Json& json);

// The value of that key; null where the object has none, or it isn't an object.
const Json* find(const Json& object, std::string_view key);

// "an array", "a text": for messages to people.
std::string_view kind_name(Json::Kind kind);

// A text as JSON, with its quotes. What isn't UTF-8 becomes U+FFFD.
std::string json_text(std::string_view text);

// A number as Python's repr writes it: 0.05, 1.0, 1e-11, 1e+16; `null` where it isn't finite.
std::string json_real(double value);

}  // namespace galileo::wire
