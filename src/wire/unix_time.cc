#include "wire/unix_time.h"

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

}  // namespace galileo::wire
