// Text that people write: durations, rates, counts, and the nearest known word to a mistyped one.
// Pure functions; the Errors have `why` and `hint` set, the caller adds what and where.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace galileo {

// "90" (seconds), "1.5s", "250ms", "10us", "7ns", "5m", "1h30m". Never negative.
Result<Duration> parse_duration(std::string_view text);

// "1.5s", "250ms", "12.3us": three significant digits, the unit that fits.
std::string format_duration(Duration duration);

// "100", "10k", "1.5M": a count or size without a unit.
Result<std::uint64_t> parse_count(std::string_view text);

// A size with its unit: "512KiB", "10GiB", "500MB"; bytes without one.
Result<std::uint64_t> parse_bytes(std::string_view text);

// Requests a second: "100", "10k", "50/1s", "600/m".
Result<double> parse_rate(std::string_view text);

// "1,234,567".
std::string format_count(std::uint64_t count);

// "12.3 MiB".
std::string format_bytes(double bytes);

// A whole number or a finite decimal number that takes up all of `text`.
std::optional<double> parse_number(std::string_view text);
std::optional<std::int64_t> parse_integer(std::string_view text);

// The one of `known` that `word` most likely meant, if one is near enough.
std::optional<std::string> did_you_mean(std::string_view word,
                                        const std::vector<std::string>& known);

// "did you mean 'x'?" or "one of a, b, c": the hint for an unknown word.
std::string hint_for_unknown(std::string_view word, const std::vector<std::string>& known);

std::vector<std::string_view> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);
std::string to_lower(std::string_view text);

}  // namespace galileo
