#include "wire/statuses.h"

#include <fmt/format.h>

#include "base/text.h"

namespace galileo::wire {
namespace {

constexpr int kFirst = 100;

Error no_statuses(std::string_view text) {
  return Error{ErrorCode::kUsage,
               fmt::format("'{}' isn't a list of statuses", text.substr(0, 60)),
               {},
               {},
               "write 400-599, or 404, 5xx, or none"};
}

std::optional<int> status_of(std::string_view text) {
  const auto number = parse_integer(text);
  if (!number || text.size() != 3 || *number < kFirst) return std::nullopt;
  return static_cast<int>(*number);
}

// "5xx", all of that hundred.
std::optional<int> hundred_of(std::string_view text) {
  const bool fits = text.size() == 3 && text[0] >= '1' && text[0] <= '9' && text[1] == text[2] &&
                    (text[1] == 'x' || text[1] == 'X');
  return fits ? std::optional((text[0] - '0') * 100) : std::nullopt;
}

}  // namespace

StatusSet StatusSet::range(int first, int last) {
  StatusSet set;
  for (int status = first; status <= last && status <= kStatusMax; ++status)
    set.bits_.set(static_cast<std::size_t>(status));
  return set;
}

Result<StatusSet> StatusSet::parse(std::string_view text) {
  StatusSet set;
  std::string_view rest = trim(text);
  if (to_lower(rest) == "none") return set;
  while (true) {
    const std::size_t comma = rest.find(',');
    const std::string_view item = trim(rest.substr(0, comma));
    const std::size_t dash = item.find('-');
    const auto hundred = hundred_of(item);
    const auto first = hundred ? hundred : status_of(trim(item.substr(0, dash)));
    const auto last = hundred                          ? std::optional(*hundred + 99)
                      : dash == std::string_view::npos ? first
                                                       : status_of(trim(item.substr(dash + 1)));
    if (!first || !last || *last < *first) return no_statuses(text);
    set.bits_ |= range(*first, *last).bits_;
    if (comma == std::string_view::npos) return set;
    rest.remove_prefix(comma + 1);
  }
}

StatusSet StatusSet::others() const {
  StatusSet set = range(kFirst, kStatusMax);
  set.bits_ &= ~bits_;
  return set;
}

std::string StatusSet::to_text() const {
  std::string text;
  for (int status = 0; status <= kStatusMax; ++status) {
    if (!contains(status)) continue;
    const int first = status;
    while (contains(status + 1)) ++status;
    if (!text.empty()) text += ", ";
    text += first == status ? fmt::format("{}", first) : fmt::format("{}-{}", first, status);
  }
  return text.empty() ? "none" : text;
}

const StatusSet& failing_by_default() {
  static const StatusSet set = StatusSet::range(400, 999);
  return set;
}

}  // namespace galileo::wire
