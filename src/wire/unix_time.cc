#include "wire/unix_time.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include "base/check.h"

namespace galileo::wire {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kSecondsMax = 9'223'372'035;  // one less than int64 holds, for the rounding
constexpr std::array<std::int64_t, 10> kPowers{
    1, 10, 100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000, 100'000'000, 1'000'000'000};

// Takes at least one digit off the text.
bool take_seconds(std::string_view& text, std::int64_t& seconds) {
  std::size_t digits = 0;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
    seconds = seconds * 10 + (text[digits] - '0');
    if (seconds > kSecondsMax) return false;
  }
  text.remove_prefix(digits);
  return digits > 0;
}

// All of the text are decimals.
bool read_decimals(std::string_view text, std::int64_t& ns) {
  if (text.empty()) return false;
  std::int64_t place = kSecond / 10;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    if (i < 9) ns += (text[i] - '0') * place;
    if (i == 9 && text[i] >= '5') ++ns;
    place /= 10;
  }
  return true;
}

// So many digits at the text's begin, and the one character behind them; both are taken off.
std::optional<int> take_field(std::string_view& text, std::size_t digits, char behind) {
  if (text.size() < digits) return std::nullopt;
  int value = 0;
  for (const char c : text.substr(0, digits)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(digits);
  if (behind == '\0') return value;
  if (!text.starts_with(behind)) return std::nullopt;
  text.remove_prefix(1);
  return value;
}

// What a local time is ahead of UTC: "Z", "+01:00".
std::optional<std::chrono::minutes> read_offset(std::string_view text) {
  if (text == "Z" || text == "z") return std::chrono::minutes{0};
  if (text.empty() || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  const int sign = text[0] == '-' ? -1 : 1;
  text.remove_prefix(1);
  const auto hours = take_field(text, 2, ':');
  const auto minutes = hours ? take_field(text, 2, '\0') : std::nullopt;
  if (!minutes || !text.empty() || *hours > 23 || *minutes > 59) return std::nullopt;
  return std::chrono::minutes{sign * (*hours * 60 + *minutes)};
}

}  // namespace

void append_unix_time(std::string& to, Wall at, int decimals) {
  ENSURE(decimals >= 1 && decimals <= 9, decimals);
  const auto places = static_cast<std::size_t>(decimals);
  const std::int64_t ns = at.time_since_epoch().count();
  if (ns < 0) {
    to += "-1.";
    to.append(places, '0');
    return;
  }
  const std::int64_t step = kPowers[9 - places];
  const std::int64_t half = step / 2;
  const std::int64_t steps = ns / step + (ns % step >= half && half > 0 ? 1 : 0);
  std::array<char, 24> digits{};
  char* end = std::to_chars(digits.data(), digits.data() + 20, steps / kPowers[places]).ptr;
  *end++ = '.';
  std::int64_t rest = steps % kPowers[places];
  for (std::size_t i = places; i-- > 0; rest /= 10) end[i] = static_cast<char>('0' + rest % 10);
  to.append(digits.data(), static_cast<std::size_t>(end - digits.data()) + places);
}

std::optional<Wall> parse_unix_time(std::string_view text) {
  const bool minus = !text.empty() && text.front() == '-';
  if (minus) text.remove_prefix(1);
  std::int64_t seconds = 0;
  std::int64_t ns = 0;
  if (!take_seconds(text, seconds)) return std::nullopt;
  if (!text.empty() && (text.front() != '.' || !read_decimals(text.substr(1), ns)))
    return std::nullopt;
  return minus ? kNoWall : Wall{Duration{seconds * kSecond + ns}};
}

std::string rfc3339(Wall at, int decimals) {
  ENSURE(decimals >= 0 && decimals <= 9, decimals);
  const Duration time = at.time_since_epoch();
  const auto days = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{std::chrono::sys_days{days}};
  const std::chrono::hh_mm_ss clock{time - days};
  std::string text =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  clock.hours().count(), clock.minutes().count(), clock.seconds().count());
  if (decimals > 0)
    text += fmt::format(
        ".{:0{}}", clock.subseconds().count() / kPowers[static_cast<std::size_t>(9 - decimals)],
        decimals);
  return text + "Z";
}

std::optional<Wall> parse_rfc3339(std::string_view text) {
  const auto year = take_field(text, 4, '-');
  const auto month = year ? take_field(text, 2, '-') : std::nullopt;
  const auto day = month ? take_field(text, 2, '\0') : std::nullopt;
  if (!day || text.empty() || (text[0] != 'T' && text[0] != 't' && text[0] != ' '))
    return std::nullopt;
  text.remove_prefix(1);
  const auto hour = take_field(text, 2, ':');
  const auto minute = hour ? take_field(text, 2, ':') : std::nullopt;
  const auto second = minute ? take_field(text, 2, '\0') : std::nullopt;
  // A leap second is the next one's begin.
  if (!second || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  std::int64_t ns = 0;
  if (text.starts_with('.')) {
    const std::size_t end = std::min(text.find_first_not_of("0123456789", 1), text.size());
    if (!read_decimals(text.substr(1, end - 1), ns)) return std::nullopt;
    text.remove_prefix(end);
  }
  const auto offset = read_offset(text);
  const std::chrono::year_month_day date{std::chrono::year{*year},
                                         std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!offset || !date.ok() || *year < 1970 || *year > 2261) return std::nullopt;
  const Wall at{std::chrono::sys_days{date}.time_since_epoch() + std::chrono::hours{*hour} +
                std::chrono::minutes{*minute} + std::chrono::seconds{*second} - *offset +
                Duration{ns}};
  return at < Wall{} ? std::nullopt : std::optional(at);
}

}  // namespace galileo::wire
