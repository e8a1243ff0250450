#include "wire/head_lines.h"

#include <algorithm>

#include "base/text.h"
#include "wire/http1.h"

namespace galileo::wire {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

// The line from `at` on, with its end.
std::string_view line_at(std::string_view message, std::size_t at) {
  const std::size_t end = message.find(kLineEnd, at);
  return message.substr(at, end == std::string_view::npos ? end : end + kLineEnd.size() - at);
}

bool is_of(std::string_view line, std::string_view name) {
  return line.size() > name.size() && line[name.size()] == ':' &&
         http1::equals_ignoring_case(line.substr(0, name.size()), name);
}

}  // namespace

std::string_view header_of(std::string_view message, std::string_view name) {
  std::string_view line = line_at(message, 0);
  std::size_t at = 0;
  while (!line.empty() && line != kLineEnd) {
    if (at > 0 && is_of(line, name)) return trim(line.substr(name.size() + 1));
    at += line.size();
    line = line_at(message, at);
  }
  return {};
}

void set_header(std::string& message, std::string_view name, std::string_view value) {
  const std::size_t first = line_at(message, 0).size();
  for (std::size_t at = first;;) {
    const std::string_view line = line_at(message, at);
    if (line.empty() || line == kLineEnd) break;
    if (is_of(line, name))
      message.erase(at, line.size());
    else
      at += line.size();
  }
  if (value.empty()) return;
  std::string added(name);
  ((added += ": ") += value) += kLineEnd;
  message.insert(first, added);
}

}  // namespace galileo::wire
