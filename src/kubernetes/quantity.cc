#include "kubernetes/quantity.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/text.h"

namespace galileo::kubernetes {
namespace {

using Nano = Quantity::Nano;

enum class Format : std::uint8_t { kDecimal, kBinary, kExponent };

struct Unit {
  std::string_view suffix;
  Format format;
  int exponent;  // of 10, or of 2
};
constexpr std::array kUnits{
    Unit{"n", Format::kDecimal, -9}, Unit{"u", Format::kDecimal, -6},
    Unit{"m", Format::kDecimal, -3}, Unit{"", Format::kDecimal, 0},
    Unit{"k", Format::kDecimal, 3},  Unit{"M", Format::kDecimal, 6},
    Unit{"G", Format::kDecimal, 9},  Unit{"T", Format::kDecimal, 12},
    Unit{"P", Format::kDecimal, 15}, Unit{"E", Format::kDecimal, 18},
    Unit{"Ki", Format::kBinary, 10}, Unit{"Mi", Format::kBinary, 20},
    Unit{"Gi", Format::kBinary, 30}, Unit{"Ti", Format::kBinary, 40},
    Unit{"Pi", Format::kBinary, 50}, Unit{"Ei", Format::kBinary, 60},
};

constexpr Nano kOne = 1'000'000'000;
constexpr Nano kMax = Nano{INT64_MAX} * kOne;
constexpr std::size_t kTextMax = 100;

// What stands before a unit: "+12.50" is 1250, two of its digits behind the point.
struct Digits {
  bool negative = false;
  std::string all;  // without leading zeros but of the fraction
  std::size_t before_point = 0;
  std::size_t behind_point = 0;
};

std::string digits_of(Nano value) {
  std::string text;
  do {
    text += static_cast<char>('0' + static_cast<int>(value % 10));
    value /= 10;
  } while (value != 0);
  std::reverse(text.begin(), text.end());
  return text;
}

std::size_t read_digits(std::string_view text, Digits& into) {
  const auto is_digit = [&](std::size_t i) {
    return i < text.size() && text[i] >= '0' && text[i] <= '9';
  };
  std::size_t at = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
  into.negative = text.starts_with('-');
  const std::size_t first = at;
  while (is_digit(at)) ++at;
  std::size_t count = at - first;
  std::string_view whole = text.substr(first, count);
  whole.remove_prefix(std::min(whole.find_first_not_of('0'), whole.size()));
  into.all = whole.empty() ? "0" : whole;
  into.before_point = into.all.size();
  if (at < text.size() && text[at] == '.') {
    const std::size_t point = at++;
    while (is_digit(at)) ++at;
    into.behind_point = at - point - 1;
    into.all += text.substr(point + 1, into.behind_point);
    count += into.behind_point;
  }
  return count == 0 ? 0 : at;
}

std::optional<Unit> unit_of(std::string_view suffix) {
  for (const Unit& unit : kUnits) {
    if (unit.suffix == suffix) return unit;
  }
  if (suffix.size() < 2 || (suffix[0] != 'e' && suffix[0] != 'E')) return std::nullopt;
  suffix.remove_prefix(1);
  if (suffix.starts_with('+')) suffix.remove_prefix(1);
  int exponent = 0;
  const auto [end, error] = std::from_chars(suffix.data(), suffix.data() + suffix.size(), exponent);
  if (error == std::errc::invalid_argument || end != suffix.data() + suffix.size())
    return std::nullopt;
  // So far out that it is either nothing or too much.
  if (error != std::errc()) exponent = suffix.starts_with('-') ? -10'000 : 10'000;
  return Unit{{}, Format::kExponent, std::clamp(exponent, -10'000, 10'000)};
}

// Twice a number that is written in decimals.
void make_double(std::string& digits) {
  int carry = 0;
  for (std::size_t i = digits.size(); i-- > 0;) {
    const int twice = (digits[i] - '0') * 2 + carry;
    digits[i] = static_cast<char>('0' + twice % 10);
    carry = twice / 10;
  }
  if (carry != 0) digits.insert(digits.begin(), static_cast<char>('0' + carry));
}

// In billionths, rounded up; nothing beyond the largest.
std::optional<Nano> amount(const Digits& digits, const Unit& unit) {
  std::string all = digits.all;
  all.erase(0, all.find_first_not_of('0'));
  if (all.empty()) return 0;
  int exponent = 9 - static_cast<int>(digits.behind_point);
  if (unit.format == Format::kBinary) {
    for (int i = 0; i < unit.exponent; ++i) make_double(all);
  } else {
    exponent += unit.exponent;
  }
  constexpr int kDigitsMax = 28;  // of kMax
  if (static_cast<int>(all.size()) + exponent > kDigitsMax) return std::nullopt;
  bool has_rest = false;
  if (exponent >= 0) {
    all.append(static_cast<std::size_t>(exponent), '0');
  } else {
    const std::size_t kept = all.size() - std::min(all.size(), static_cast<std::size_t>(-exponent));
    has_rest = all.find_first_not_of('0', kept) != std::string::npos;
    all.resize(kept);
  }
  Nano value = 0;
  for (const char c : all) value = value * 10 + (c - '0');
  if (has_rest) ++value;
  if (value > kMax) return std::nullopt;
  return value;
}

// The server writes these as they were given.
bool stays(const Digits& digits, const Unit& unit) {
  const int length = static_cast<int>(digits.all.size());
  int scale = -static_cast<int>(digits.behind_point);
  if (unit.format == Format::kBinary) {
    if (digits.behind_point > 0) return false;
    if (15 - length - unit.exponent * 3 / 10 - 1 < 0) return false;
    std::int64_t value = 0;
    std::from_chars(digits.all.data(), digits.all.data() + digits.all.size(), value);
    return (value & 7) != 0;
  }
  scale += unit.exponent;
  return length <= 18 && scale >= -9 && scale % 3 == 0 && !digits.all.ends_with("000") &&
         digits.all[0] != '0';
}

std::string suffix_of(Format format, int exponent) {
  if (format == Format::kExponent) return exponent == 0 ? "" : fmt::format("e{}", exponent);
  for (const Unit& unit : kUnits) {
    if (unit.format == format && unit.exponent == exponent) return std::string(unit.suffix);
  }
  return {};
}

// `value` isn't negative.
std::string canonical_of(Nano value, Format format) {
  const bool whole = value % kOne == 0;
  int times = 0;
  if (format == Format::kBinary && whole && value >= 1024 * kOne) {
    value /= kOne;
    for (; value >= 1024 && value % 1024 == 0; ++times) value /= 1024;
    return digits_of(value) + (times == 0 ? std::string() : suffix_of(format, times * 10));
  }
  if (format == Format::kBinary) format = Format::kDecimal;
  int exponent = -9;
  while (value % 1000 == 0) {
    value /= 1000;
    exponent += 3;
  }
  return digits_of(value) + suffix_of(format, exponent);
}

std::string hint_for(std::string_view text, std::size_t digits) {
  const std::string number(text.substr(0, digits));
  const std::string unit = to_lower(trim(text.substr(digits)));
  if (digits == 0) return "write it as 500m, 2, 1.5, 256Mi or 1e3";
  if (text.find(',') != std::string_view::npos) return "write the decimals behind a '.'";
  constexpr std::string_view kLetters = "kmgtpe";
  const bool known = !unit.empty() && kLetters.find(unit[0]) != std::string_view::npos;
  const std::string rest = unit.empty() ? unit : unit.substr(1);
  if (!known || (!rest.empty() && rest != "b" && rest != "i" && rest != "ib"))
    return "its unit is one of n, u, m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei, or none";
  const char large = static_cast<char>(unit[0] - 'a' + 'A');
  const std::string decimal = number + (unit[0] == 'k' ? 'k' : large);
  const std::string binary = fmt::format("{}{}i", number, large);
  if (rest == "i" || rest == "ib") return fmt::format("write {}", binary);
  return fmt::format("write {} for powers of 1000, {} for powers of 1024", decimal, binary);
}

}  // namespace

Result<Quantity> parse_quantity(std::string_view text) {
  Digits digits;
  if (text.empty()) return Error{ErrorCode::kUsage, {}, {}, "it is empty", hint_for(text, 0)};
  if (text.size() > kTextMax) return Error{ErrorCode::kUsage, {}, {}, "it is too long", {}};
  const std::size_t read = read_digits(text, digits);
  const std::optional<Unit> unit = read > 0 ? unit_of(text.substr(read)) : std::nullopt;
  if (!unit)
    return Error{
        ErrorCode::kUsage, {}, {}, fmt::format("'{}' is no quantity", text), hint_for(text, read)};
  const std::optional<Nano> value = amount(digits, *unit);
  if (!value)
    return Error{
        ErrorCode::kUsage, {}, {}, fmt::format("'{}' is too large", text), "the largest is 2^63-1"};
  Quantity quantity;
  quantity.nano_ = digits.negative ? -*value : *value;
  if (*value == 0) return quantity;
  quantity.canonical_ = stays(digits, *unit)
                            ? std::string(text)
                            : (digits.negative ? "-" : "") + canonical_of(*value, unit->format);
  return quantity;
}

}  // namespace galileo::kubernetes
