#include "load/regex.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <array>

namespace galileo::load {
namespace {

constexpr std::size_t kPatternMax = 10'000;

// What people bring along from other engines, in the words that they know it by.
std::string foreign(const std::string& pattern) {
  for (std::size_t i = 0; i + 1 < pattern.size(); ++i) {
    if (pattern[i] == '\\') {
      if (pattern[i + 1] >= '1' && pattern[i + 1] <= '9')
        return fmt::format("\\{} is a back-reference", pattern[i + 1]);
      if (pattern[i + 1] == 'k' || pattern[i + 1] == 'g') return "it has a back-reference";
      ++i;
      continue;
    }
    const std::string_view rest = std::string_view(pattern).substr(i);
    if (rest.starts_with("(?=") || rest.starts_with("(?!") || rest.starts_with("(?<=") ||
        rest.starts_with("(?<!"))
      return "it looks around";
  }
  return {};
}

re2::StringPiece piece(std::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

Regex::Regex(std::unique_ptr<const re2::RE2> compiled) : compiled_(std::move(compiled)) {}
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

Result<Regex> Regex::make(const std::string& pattern) {
  if (pattern.size() > kPatternMax)
    return Error{ErrorCode::kUsage,
                 {},
                 {},
                 "the regular expression is too long",
                 fmt::format("{} bytes at most", kPatternMax)};
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_dot_nl(true);
  // Bytes: a body needn't be text.
  options.set_encoding(re2::RE2::Options::EncodingLatin1);
  auto compiled = std::make_unique<const re2::RE2>(piece(pattern), options);
  if (compiled->ok()) return Regex(std::move(compiled));
  const std::string other = foreign(pattern);
  if (!other.empty())
    return Error{ErrorCode::kUsage,
                 {},
                 {},
                 other,
                 "expressions are RE2's, whose time grows with the text only: neither "
                 "back-references nor look-around"};
  return Error{ErrorCode::kUsage,
               {},
               {},
               fmt::format("'{}' is no regular expression: {}", pattern, compiled->error()),
               "expressions are RE2's"};
}

bool Regex::matches(std::string_view text) const {
  return compiled_->Match(piece(text), 0, text.size(), re2::RE2::UNANCHORED, nullptr, 0);
}

std::optional<std::string_view> Regex::find(std::string_view text) const {
  std::array<re2::StringPiece, 2> groups;
  const bool has_group = compiled_->NumberOfCapturingGroups() > 0;
  if (!compiled_->Match(piece(text), 0, text.size(), re2::RE2::UNANCHORED, groups.data(),
                        has_group ? 2 : 1))
    return std::nullopt;
  const re2::StringPiece& found = groups[has_group ? 1 : 0];
  if (!found.data()) return std::nullopt;
  return std::string_view(found.data(), found.size());
}

}  // namespace galileo::load
