#include "kubernetes/paths.h"

#include <fmt/format.h>

#include "base/text.h"
#include "wire/uri.h"

namespace galileo::kubernetes {
namespace {

// What would lead out of its folder isn't a name.
std::string segment(std::string_view name) {
  if (name == "." || name == "..") return name == "." ? "%2E" : "%2E%2E";
  return wire::encode_percent(name);
}

}  // namespace

std::string collection(std::string_view group_version, std::string_view name_space,
                       std::string_view plural) {
  std::string path = group_version.find('/') == std::string_view::npos ? "/api" : "/apis";
  for (const std::string_view part : split(group_version, '/')) path += "/" + segment(part);
  if (!name_space.empty()) path += "/namespaces/" + segment(name_space);
  return path + "/" + segment(plural);
}

std::string object_path(std::string_view collection, std::string_view name, std::string_view part) {
  std::string path = fmt::format("{}/{}", collection, segment(name));
  if (!part.empty()) path += "/" + segment(part);
  return path;
}

std::string with_query(std::string path,
                       const std::vector<std::pair<std::string_view, std::string>>& values) {
  char before = path.find('?') == std::string::npos ? '?' : '&';
  for (const auto& [name, value] : values) {
    if (value.empty()) continue;
    path += fmt::format("{}{}={}", before, name, wire::encode_percent(value));
    before = '&';
  }
  return path;
}

}  // namespace galileo::kubernetes
