// InfluxDB's line protocol, written: one line a point, "measurement,tag=value field=1i 1795…".
// Pure; any thread. Everything that is put is kept, or left out where it says so.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace galileo::wire {

// A text as the value of a tag, which can hold neither line ends nor every backslash: control
// characters, backslashes, and a '%' that two hex digits follow are written as %XX, bytes that
// aren't UTF-8 as U+FFFD. Two texts that differ stay different.
std::string tag_text(std::string_view text);
// What tag_text() was made of.
std::string text_of_tag(std::string_view tag);

// Appends points to a text. A point is a measurement, its tags, its fields and its time, put in
// this order; tags by their keys in alphabetical order are what the server needs least work for.
// Keys and measurements are the caller's own words: letters, digits, '_', '.'.
class PointWriter {
 public:
  explicit PointWriter(std::string& out) : out_(out) {}

  PointWriter& point(std::string_view measurement);
  // An empty value is left out: the protocol has none.
  PointWriter& tag(std::string_view key, std::string_view text);
  // Writes the text as it is, only escaped: for the layout of others.
  PointWriter& raw_tag(std::string_view key, std::string_view text);
  PointWriter& integer(std::string_view key, std::int64_t value);
  // What isn't finite is left out: the protocol has no such numbers.
  PointWriter& real(std::string_view key, double value);
  PointWriter& boolean(std::string_view key, bool value);
  // Made UTF-8; may be empty.
  PointWriter& text(std::string_view key, std::string_view value);
  // Ends the line. A point without fields is none: its line is taken back, and this is false.
  bool at(std::int64_t time);

 private:
  void key(std::string_view name);
  void escaped_tag(std::string_view key, std::string_view value);

  std::string& out_;
  std::size_t begins_ = 0;  // the line, in out_
  bool has_fields_ = false;
};

}  // namespace galileo::wire
