#include "wire/env_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "wire/csv.h"

namespace galileo::wire {
namespace {

constexpr std::string_view kBlanks = " \t";

bool is_name(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !text.empty() && !(text.front() >= '0' && text.front() <= '9') &&
         std::all_of(text.begin(), text.end(), fits);
}

bool is_control(char c) {
  return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
}

// The value without its quotes, or why it can't be one.
Result<std::string> value_of(std::string_view text) {
  const auto wrong = [](std::string why, std::string hint) {
    return Error{ErrorCode::kUsage, {}, {}, std::move(why), std::move(hint)};
  };
  if (std::any_of(text.begin(), text.end(), is_control))
    return wrong("its value holds a control character", "leave it out");
  if (!text.empty() && (text.front() == '"' || text.front() == '\'')) {
    const std::size_t end = text.find(text.front(), 1);
    if (end == std::string_view::npos) return wrong("its quote isn't closed", "close it");
    if (end + 1 != text.size())
      return wrong("something stands behind its closing quote",
                   "put the whole value into the other kind of quotes");
    return std::string(text.substr(1, end - 1));
  }
  if (text.find_first_of(kBlanks) != std::string_view::npos)
    return wrong("its value has a blank",
                 "put the value into quotes; a comment stands in a line of its own");
  return std::string(text);
}

}  // namespace

Result<Variables> parse_env_file(std::string_view text, const std::string& path) {
  Variables variables;
  text = after_byte_order_mark(text);
  int line = 0;
  for (std::string_view content : split(text, '\n')) {
    ++line;
    const auto wrong = [&](std::string why, std::string hint) {
      return Error{ErrorCode::kUsage, "can't read the file of variables",
                   fmt::format("{}:{}", path, line), std::move(why), std::move(hint)};
    };
    content = trim(content);
    if (content.empty() || content.front() == '#') continue;
    constexpr std::string_view kExport = "export ";
    if (content.starts_with(kExport)) content = trim(content.substr(kExport.size()));
    const std::size_t equals = content.find('=');
    const std::string_view name = content.substr(0, equals);
    if (equals == std::string_view::npos)
      return wrong("there is no = in this line", "write NAME=VALUE, one a line");
    if (!is_name(name))
      return wrong("what stands before = isn't the name of a variable",
                   "write NAME=VALUE: letters, digits and _, and no blanks around =");
    const std::string_view rest = content.substr(equals + 1);
    if (!rest.empty() && kBlanks.find(rest.front()) != std::string_view::npos)
      return wrong(fmt::format("{} has a blank behind its =", name), "leave it out");
    auto value = value_of(rest);
    if (!value.ok())
      return wrong(fmt::format("{}: {}", name, value.error().why), value.error().hint);
    variables.emplace_back(name, std::move(*value));
  }
  return variables;
}

}  // namespace galileo::wire
