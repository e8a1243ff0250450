#include "wire/event_line.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "wire/unix_time.h"

namespace galileo::wire {
namespace {

Error no_event(std::string why) {
  return Error{ErrorCode::kCorrupt, "can't read the event", {}, std::move(why), {}};
}

// That many digits and what stands behind them.
bool take_digits(std::string_view& text, std::size_t count, std::string_view behind, int& value) {
  if (text.size() < count) return false;
  value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  if (!text.starts_with(behind)) return false;
  text.remove_prefix(behind.size());
  return true;
}

// "2026-11-29 17:05:03.250000" at the text's beginning: a time of some zone's clock, as Python's
// str() writes it, without a fraction where that is 0.
std::optional<Wall> take_date(std::string_view& text, SecondsOf seconds_of) {
  std::string_view rest = text;
  std::tm clock{};
  const bool is_read =
      take_digits(rest, 4, "-", clock.tm_year) && take_digits(rest, 2, "-", clock.tm_mon) &&
      take_digits(rest, 2, " ", clock.tm_mday) && take_digits(rest, 2, ":", clock.tm_hour) &&
      take_digits(rest, 2, ":", clock.tm_min) && take_digits(rest, 2, "", clock.tm_sec);
  const bool can_be = clock.tm_year >= 1970 && clock.tm_year < 2262 && clock.tm_mon >= 1 &&
                      clock.tm_mon <= 12 && clock.tm_mday >= 1 && clock.tm_mday <= 31 &&
                      clock.tm_hour < 24 && clock.tm_min < 60 && clock.tm_sec < 60;
  if (!is_read || !can_be) return std::nullopt;
  const std::size_t end = std::min(rest.find(' '), rest.size());
  // The rest is a fraction, or nothing.
  const auto fraction = parse_unix_time(fmt::format("0{}", rest.substr(0, end)));
  if (!fraction || (end > 0 && rest[0] != '.')) return std::nullopt;
  clock.tm_year -= 1900;
  clock.tm_mon -= 1;
  clock.tm_isdst = -1;  // not known
  text.remove_prefix(text.size() - rest.size() + end);
  return *fraction + std::chrono::seconds{seconds_of(clock)};
}

}  // namespace

std::int64_t utc_seconds(std::tm clock) {
  return timegm(&clock);
}

void append_event_line(std::string& to, const Event& event) {
  append_unix_time(to, event.at, 7);
  to += ' ';
  const auto begin = static_cast<std::ptrdiff_t>(to.size());
  to += event.name;
  std::replace(to.begin() + begin, to.end(), ' ', '_');
  if (!event.value.empty()) to += ' ' + event.value;
}

Result<Event> parse_event_line(std::string_view text, SecondsOf seconds_of) {
  std::size_t time_end = std::min(text.find(' '), text.size());
  const std::string_view time = text.substr(0, time_end);
  std::optional<Wall> at = parse_unix_time(time);
  if (std::string_view rest = text; !at) {
    at = take_date(rest, seconds_of);
    if (at) time_end = text.size() - rest.size();
  }
  if (!at)
    return no_event(fmt::format("'{}' isn't a time in seconds", make_utf8(time.substr(0, 40))));
  text.remove_prefix(std::min(time_end + 1, text.size()));
  const std::size_t name_end = std::min(text.find(' '), text.size());
  if (name_end == 0) return no_event("it has no name");
  Event event;
  event.at = *at;
  event.name = make_utf8(text.substr(0, name_end));
  event.value = make_utf8(text.substr(std::min(name_end + 1, text.size())));
  return event;
}

}  // namespace galileo::wire
