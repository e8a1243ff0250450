// Any texts and numbers as points: what a reader that follows the server's rules makes of the lines
// is what was put, one line a point, whatever the texts are.
#include "wire/line_protocol.h"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include "base/check.h"
#include "base/utf8.h"

namespace {

struct Point {
  std::map<std::string, std::string> tags;
  std::map<std::string, std::string> fields;  // as written; texts without quotes and escapes
  std::string time;
};

// As the server's: a backslash in front of a comma, an equals sign or a blank takes its meaning.
std::string tag_part(std::string_view line, std::size_t& at, std::string_view stops) {
  std::string part;
  while (stops.find(line[at]) == std::string_view::npos) {
    ENSURE(line[at] != '\n');
    if (line[at] == '\\' && std::string_view(",= ").find(line[at + 1]) != std::string_view::npos)
      ++at;
    part += line[at++];
  }
  return part;
}

std::string field_value(std::string_view line, std::size_t& at) {
  std::string value;
  if (line[at] != '"') {
    while (line[at] != ',' && line[at] != ' ') value += line[at++];
    return value;
  }
  for (++at; line[at] != '"'; ++at) {
    if (line[at] == '\\' && (line[at + 1] == '"' || line[at + 1] == '\\')) ++at;
    value += line[at];
  }
  ++at;
  return value;
}

Point take_point(std::string_view text, std::size_t& at) {
  Point point;
  ENSURE(tag_part(text, at, ", ") == "m");
  while (text[at] == ',') {
    const std::string key = tag_part(text, ++at, "=");
    const std::string value = tag_part(text, ++at, ", ");
    ENSURE(!value.empty());
    point.tags[key] = value;
  }
  do {
    const std::string key = tag_part(text, ++at, "=");
    point.fields[key] = field_value(text, ++at);
  } while (text[at] == ',');
  ENSURE(text[at] == ' ');
  while (text[++at] != '\n') point.time += text[at];
  ++at;
  return point;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace galileo;
  std::int64_t number = 0;
  if (size < sizeof number) return 0;
  std::memcpy(&number, data, sizeof number);
  double real = 0;
  std::memcpy(&real, &number, sizeof real);
  const std::string_view rest(reinterpret_cast<const char*>(data) + sizeof number,
                              size - sizeof number);
  const std::string_view tag = rest.substr(0, rest.size() / 3);
  const std::string_view raw = rest.substr(tag.size(), tag.size());
  const std::string_view text = rest.substr(2 * tag.size());

  std::string lines;
  wire::PointWriter writer(lines);
  for (int i = 0; i < 2; ++i) {
    writer.point("m").tag("a", tag).raw_tag("b", raw);
    writer.integer("i", number).real("r", real).text("t", text).boolean("y", true);
    ENSURE(writer.at(number));
  }
  std::size_t at = 0;
  for (int i = 0; i < 2; ++i) {
    Point point = take_point(lines, at);
    ENSURE(wire::text_of_tag(point.tags["a"]) == make_utf8(tag));
    ENSURE(point.tags.contains("b") == !raw.empty());
    ENSURE(point.fields["t"] == make_utf8(text));
    ENSURE(point.fields["i"] == std::to_string(number) + "i" &&
           point.time == std::to_string(number));
    ENSURE(point.fields["y"] == "true");
    ENSURE(point.fields.contains("r") == std::isfinite(real));
    if (std::isfinite(real)) ENSURE(std::strtod(point.fields["r"].c_str(), nullptr) == real);
  }
  ENSURE(at == lines.size());
  return 0;
}
