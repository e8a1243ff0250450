#include "kubernetes/version.h"

#include <fmt/format.h>

#include <charconv>

namespace galileo::kubernetes {
namespace {

// Takes a number off the beginning; false where there is none.
bool take_number(std::string_view& text, unsigned& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

}  // namespace

Result<Version> parse_version(std::string_view git_version) {
  std::string_view rest = git_version;
  if (rest.starts_with('v')) rest.remove_prefix(1);
  Version version;
  const bool has_major = take_number(rest, version.major) && rest.starts_with('.');
  if (has_major) rest.remove_prefix(1);
  if (!has_major || !take_number(rest, version.minor))
    return Error{ErrorCode::kUsage,
                 fmt::format("'{}' is no version", git_version.substr(0, 40)),
                 {},
                 {},
                 "is it a Kubernetes API server?"};
  return version;
}

std::string version_text(const Version& version) {
  return fmt::format("{}.{}", version.major, version.minor);
}

Result<void> require(const Feature& feature, const Version& server) {
  if (server >= feature.since) return {};
  return Error{ErrorCode::kUsage,
               fmt::format("{} needs Kubernetes {}", feature.what, version_text(feature.since)),
               {},
               fmt::format("this one is {}, and has no {}", version_text(server), feature.needs),
               "leave it out, or take a newer cluster"};
}

}  // namespace galileo::kubernetes
