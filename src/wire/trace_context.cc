#include "wire/trace_context.h"

#include <algorithm>
#include <bit>

#include "base/random.h"

namespace galileo::wire {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::uint64_t kSampledBits = std::uint64_t{1} << 56;
// Apart from all other draws of a run's clients.
constexpr std::uint64_t kDrawsOfIds = 0x7472616365u;

void put_hex(char* to, std::uint64_t value, std::size_t digits) {
  for (std::size_t i = digits; i-- > 0; value >>= 4) to[i] = kHexDigits[value & 15];
}

std::optional<std::uint64_t> read_hex(std::string_view text) {
  std::uint64_t value = 0;
  for (const char c : text) {
    const std::size_t digit = kHexDigits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    value = value << 4 | digit;
  }
  return value;
}

// Each number has another image (Stafford's 13th mix of 64 bits).
std::uint64_t mixed(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

}  // namespace

std::string to_text(const TraceId& id) {
  if (id.is_none()) return {};
  std::string text(kTraceIdSize, '0');
  put_hex(text.data(), id.high, 16);
  put_hex(text.data() + 16, id.low, 16);
  return text;
}

TraceId trace_id_of(std::string_view text) {
  if (text.size() != kTraceIdSize) return {};
  const auto high = read_hex(text.substr(0, 16));
  const auto low = read_hex(text.substr(16));
  return high && low ? TraceId{*high, *low} : TraceId{};
}

std::array<char, kTraceparentSize> to_chars(const Traceparent& of) {
  std::array<char, kTraceparentSize> text{};
  text.fill('-');
  put_hex(text.data(), 0, 2);
  put_hex(text.data() + 3, of.trace.high, 16);
  put_hex(text.data() + 19, of.trace.low, 16);
  put_hex(text.data() + 36, of.span, 16);
  put_hex(text.data() + 53, of.sampled ? 1 : 0, 2);
  return text;
}

std::optional<Traceparent> parse_traceparent(std::string_view value) {
  if (value.size() < kTraceparentSize) return std::nullopt;
  const auto version = read_hex(value.substr(0, 2));
  const bool has_more = value.size() > kTraceparentSize;
  if (!version || *version == 0xff) return std::nullopt;
  if (has_more && (*version == 0 || value[kTraceparentSize] != '-')) return std::nullopt;
  if (value[2] != '-' || value[35] != '-' || value[52] != '-') return std::nullopt;
  const auto span = read_hex(value.substr(36, 16));
  const auto flags = read_hex(value.substr(53, 2));
  const TraceId id = trace_id_of(value.substr(3, kTraceIdSize));
  if (id.is_none() || !span || *span == 0 || !flags) return std::nullopt;
  return Traceparent{id, *span, (*flags & 1) != 0};
}

bool is_sampled(const TraceId& id, double share) {
  const double dropped = (1 - std::clamp(share, 0.0, 1.0)) * static_cast<double>(kSampledBits);
  return (id.low & (kSampledBits - 1)) >= static_cast<std::uint64_t>(dropped);
}

TraceIds::TraceIds(std::uint64_t seed, std::uint64_t stream) {
  Random draws(seed ^ kDrawsOfIds, stream);
  high_ = draws.bits();
  low_ = draws.bits();
}

TraceId TraceIds::of(std::uint64_t number) const {
  const std::uint64_t apart = number * 0x9e3779b97f4a7c15u;
  const TraceId id{mixed(high_ + apart), mixed(low_ ^ std::rotl(apart, 32))};
  return id.is_none() ? TraceId{high_ | 1, low_ | 1} : id;
}

std::uint64_t span_of(const TraceId& id) {
  const std::uint64_t span = mixed(id.high ^ std::rotl(id.low, 17));
  return span == 0 ? 1 : span;
}

}  // namespace galileo::wire
