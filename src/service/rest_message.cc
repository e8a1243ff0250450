#include "service/rest_message.h"

#include <fmt/format.h>

#include "wire/json.h"
#include "wire/uri.h"

namespace galileo::service {
namespace {

// The next part of a path, without its slash; the path goes on behind it.
std::string_view take_part(std::string_view& path) {
  path.remove_prefix(1);
  const std::string_view part = path.substr(0, path.find('/'));
  path.remove_prefix(part.size());
  return part;
}

}  // namespace

std::string_view RestRequest::parameter(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return {};
}

std::string_view scope_name(Scope scope) {
  switch (scope) {
    case Scope::kNone:
      return "none";
    case Scope::kRead:
      return "read";
    case Scope::kRun:
      return "run";
    case Scope::kAdmin:
      return "admin";
  }
  return "none";
}

RestAnswer problem(int status, std::string_view title, std::string_view description) {
  RestAnswer answer;
  answer.status = status;
  answer.body = fmt::format(R"({{"title": {})", wire::json_text(title));
  if (!description.empty())
    answer.body += fmt::format(R"(, "description": {})", wire::json_text(description));
  answer.body += "}";
  return answer;
}

bool match_path(std::string_view pattern, std::string_view path,
                std::vector<std::string>& arguments) {
  arguments.clear();
  while (!pattern.empty() && !path.empty() && path.front() == '/') {
    const std::string_view wanted = take_part(pattern), found = take_part(path);
    if (wanted.starts_with('{')) {
      if (found.empty()) return false;
      arguments.push_back(wire::decode_percent(found));
    } else if (wanted != found) {
      return false;
    }
  }
  return pattern.empty() && path.empty();
}

}  // namespace galileo::service
