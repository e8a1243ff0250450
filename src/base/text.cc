#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>

namespace galileo {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};

constexpr std::array kDurationUnits{Unit{"ns", 1},     Unit{"us", 1e3},   Unit{"µs", 1e3},
                                    Unit{"ms", 1e6},   Unit{"s", 1e9},    Unit{"m", 60e9},
                                    Unit{"h", 3600e9}, Unit{"d", 86400e9}};
constexpr std::array kCountUnits{Unit{"", 1}, Unit{"k", 1e3}, Unit{"K", 1e3}, Unit{"M", 1e6},
                                 Unit{"G", 1e9}};
constexpr std::array kByteUnits{Unit{"", 1},
                                Unit{"B", 1},
                                Unit{"kB", 1e3},
                                Unit{"KB", 1e3},
                                Unit{"MB", 1e6},
                                Unit{"GB", 1e9},
                                Unit{"TB", 1e12},
                                Unit{"KiB", 1024},
                                Unit{"MiB", 1024.0 * 1024},
                                Unit{"GiB", 1024.0 * 1024 * 1024},
                                Unit{"TiB", 1024.0 * 1024 * 1024 * 1024}};

template <std::size_t N>
std::optional<double> factor_of(std::string_view name, const std::array<Unit, N>& units) {
  for (const Unit& unit : units) {
    if (unit.name == name) return unit.factor;
  }
  return std::nullopt;
}

Error wrong(std::string why, std::string hint) {
  return Error{ErrorCode::kUsage, {}, {}, std::move(why), std::move(hint)};
}

// Takes a leading unsigned decimal number off `text`.
std::optional<double> take_number(std::string_view& text) {
  double value = 0;
  if (text.empty() || (text[0] != '.' && (text[0] < '0' || text[0] > '9'))) return std::nullopt;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

std::string_view take_letters(std::string_view& text) {
  std::size_t length = 0;
  while (length < text.size() && text[length] != '.' && (text[length] < '0' || text[length] > '9'))
    ++length;
  const std::string_view letters = text.substr(0, length);
  text.remove_prefix(length);
  return letters;
}

// Edits (insert, delete, replace, swap of neighbours) from one word to the other.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  const std::size_t width = b.size() + 1;
  std::vector<std::size_t> costs((a.size() + 1) * width);
  const auto cost = [&](std::size_t i, std::size_t j) -> std::size_t& {
    return costs[i * width + j];
  };
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        cost(i, j) = i + j;
        continue;
      }
      cost(i, j) = std::min({cost(i - 1, j) + 1, cost(i, j - 1) + 1,
                             cost(i - 1, j - 1) + (a[i - 1] == b[j - 1] ? 0u : 1u)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        cost(i, j) = std::min(cost(i, j), cost(i - 2, j - 2) + 1);
    }
  }
  return costs.back();
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  const std::string hint = "write it as 90, 1.5s, 250ms or 1h30m";
  std::string_view rest = trim(text);
  if (rest.empty()) return wrong("a duration is missing", hint);
  double total_ns = 0;
  bool alone = true;  // a number without a unit stands alone, and means seconds
  while (!rest.empty()) {
    const std::optional<double> number = take_number(rest);
    if (!number) return wrong(fmt::format("'{}' is no duration", text), hint);
    const std::string_view name = take_letters(rest);
    const auto factor =
        name.empty() && alone && rest.empty() ? 1e9 : factor_of(trim(name), kDurationUnits);
    if (!factor) return wrong(fmt::format("'{}' has no known unit", text), hint);
    total_ns += *number * *factor;
    alone = false;
  }
  if (total_ns > 9.2e18) return wrong(fmt::format("'{}' is longer than 292 years", text), hint);
  return Duration{std::llround(total_ns)};
}

std::string format_duration(Duration duration) {
  const double ns = static_cast<double>(duration.count());
  const double size = std::abs(ns);
  const auto digits = [](double value) {
    const double magnitude = std::abs(value);
    if (magnitude >= 99.95) return fmt::format("{:.0f}", value);
    if (magnitude >= 9.995) return fmt::format("{:.1f}", value);
    return fmt::format("{:.2f}", value);
  };
  if (duration.count() == 0) return "0s";
  if (size < 1e3) return fmt::format("{}ns", duration.count());
  if (size < 999.5e3) return digits(ns / 1e3) + "us";
  if (size < 999.5e6) return digits(ns / 1e6) + "ms";
  if (size < 60e9) return digits(ns / 1e9) + "s";
  const std::int64_t whole = std::llround(ns / 1e9);
  if (whole < 3600) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  return fmt::format("{}h{:02}m{:02}s", whole / 3600, whole / 60 % 60, whole % 60);
}

Result<std::uint64_t> parse_count(std::string_view text) {
  const std::string hint = "write it as 100, 10k or 1.5M";
  std::string_view rest = trim(text);
  const std::optional<double> number = take_number(rest);
  const auto factor = factor_of(rest, kCountUnits);
  if (!number || !factor) return wrong(fmt::format("'{}' is no count", text), hint);
  const double value = *number * *factor;
  if (value > 1e18 || std::abs(value - std::round(value)) > 1e-6)
    return wrong(fmt::format("'{}' is no whole number", text), hint);
  return static_cast<std::uint64_t>(std::llround(value));
}

Result<std::uint64_t> parse_bytes(std::string_view text) {
  const std::string hint = "write it as 500MB, 512KiB or 10GiB";
  std::string_view rest = trim(text);
  const std::optional<double> number = take_number(rest);
  const auto factor = factor_of(trim(rest), kByteUnits);
  if (!number || !factor || *number * *factor > 1e18)
    return wrong(fmt::format("'{}' isn't a size", text), hint);
  return static_cast<std::uint64_t>(std::llround(*number * *factor));
}

Result<double> parse_rate(std::string_view text) {
  const std::string hint = "write it as 100, 10k, 50/1s or 600/m (requests a second without '/')";
  const std::size_t slash = text.find('/');
  std::string_view count = trim(text.substr(0, slash));
  const std::optional<double> number = take_number(count);
  const auto factor = factor_of(count, kCountUnits);
  if (!number || !factor) return wrong(fmt::format("'{}' is no rate", text), hint);
  double period_s = 1;
  if (slash != std::string_view::npos) {
    std::string period{trim(text.substr(slash + 1))};
    if (!period.empty() && (period[0] >= 'a' && period[0] <= 'z')) period.insert(0, "1");
    const auto duration = parse_duration(period);
    if (!duration.ok() || duration->count() <= 0)
      return wrong(fmt::format("'{}' has no period after '/'", text), hint);
    period_s = to_seconds(*duration);
  }
  return *number * *factor / period_s;
}

std::string format_count(std::uint64_t count) {
  std::string text = fmt::format("{}", count);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
  return text;
}

std::string format_bytes(double bytes) {
  constexpr std::array kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (std::abs(bytes) >= 1024 && unit + 1 < kUnits.size()) {
    bytes /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, kUnits[unit]);
}

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::string> did_you_mean(std::string_view word,
                                        const std::vector<std::string>& known) {
  if (word.size() > 64) return std::nullopt;
  const std::string lower = to_lower(word);
  std::optional<std::string> best;
  std::size_t best_distance = std::max<std::size_t>(word.size() / 3, 2) + 1;
  for (const std::string& candidate : known) {
    // An unfinished word means the word that it begins.
    const bool begun = word.size() >= 3 && candidate.rfind(word, 0) == 0;
    // So many letters would have to come or go at least.
    const std::size_t apart =
        std::max(word.size(), candidate.size()) - std::min(word.size(), candidate.size());
    if (!begun && apart >= best_distance) continue;
    const std::size_t distance = begun ? 1 : edit_distance(lower, to_lower(candidate));
    if (distance < best_distance && distance < candidate.size()) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string hint_for_unknown(std::string_view word, const std::vector<std::string>& known) {
  if (const auto near = did_you_mean(word, known)) return fmt::format("did you mean '{}'?", *near);
  return fmt::format("use one of: {}", fmt::join(known, ", "));
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t at = text.find(separator); at != std::string_view::npos;
       at = text.find(separator)) {
    parts.push_back(text.substr(0, at));
    text.remove_prefix(at + 1);
  }
  parts.push_back(text);
  return parts;
}

std::string_view trim(std::string_view text) {
  const std::string_view blanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string to_lower(std::string_view text) {
  std::string lower{text};
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

}  // namespace galileo
