#include "load/traceparent.h"

#include <fmt/format.h>

#include <charconv>

#include "base/text.h"

namespace galileo::load {

Result<std::optional<double>> parse_traceparent_share(std::string_view text) {
  const std::string word = to_lower(trim(text));
  if (word == "yes" || word == "true" || word == "on") return std::optional(1.0);
  if (word == "no" || word == "false" || word == "off") return std::optional<double>();
  const bool is_percent = word.ends_with('%');
  const std::string_view digits = std::string_view(word).substr(0, word.size() - is_percent);
  double share = 0;
  const char* const begin = digits.data();
  const char* const end = begin + digits.size();
  const auto read = std::from_chars(begin, end, share, std::chars_format::fixed);
  if (is_percent) share /= 100;
  if (!digits.empty() && read.ec == std::errc{} && read.ptr == end && share >= 0 && share <= 1)
    return std::optional(share);
  return Error{ErrorCode::kUsage,
               fmt::format("'{}' isn't a share of the requests", text),
               {},
               {},
               "write yes, no, or which share is marked as sampled: 10%, 0.1"};
}

std::string traceparent_text(const std::optional<double>& share) {
  return share ? fmt::format("{:.10g}%", *share * 100) : "no";
}

}  // namespace galileo::load
