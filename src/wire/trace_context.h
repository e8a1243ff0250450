// Which distributed trace a request belongs to (W3C Trace Context, level 1): the header
// `traceparent`, by which servers put what they record of the request under the span of whoever
// asked. Ids are drawn by a seed and the request's place in a run, so that a run that is made again
// has them again. Values and pure functions; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace galileo::wire {

inline constexpr std::string_view kTraceparent = "traceparent";
inline constexpr std::size_t kTraceIdSize = 32;      // hex digits
inline constexpr std::size_t kTraceparentSize = 55;  // "00-<32>-<16>-<2>"

// 16 bytes, as the field writes them: 32 hex digits in lower case. 0: none.
struct TraceId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  constexpr bool operator==(const TraceId&) const = default;
  constexpr bool is_none() const { return high == 0 && low == 0; }
};

// Empty for none.
std::string to_text(const TraceId& id);
// None where it isn't 32 hex digits in lower case, or all of them 0.
TraceId trace_id_of(std::string_view text);

struct Traceparent {
  TraceId trace;
  std::uint64_t span = 0;  // of whoever asks: the parent of what a server records
  bool sampled = false;

  bool operator==(const Traceparent&) const = default;
};

// The header's value; version 00.
std::array<char, kTraceparentSize> to_chars(const Traceparent& of);
// None where servers would pass it over: another form, an id of 0. Of versions to come what this
// one has is read.
std::optional<Traceparent> parse_traceparent(std::string_view value);

// Which share of the traces has the flag `sampled`: from 0 to 1.
//
// As OpenTelemetry samples consistently by the id itself (the last 56 bits, taken for a number,
// from a threshold on), so that whoever sees an id and knows the share knows the flag.
bool is_sampled(const TraceId& id, double share);

// What one client of a run draws its ids from.
class TraceIds {
 public:
  TraceIds() = default;
  // `stream` tells the clients of a run apart.
  TraceIds(std::uint64_t seed, std::uint64_t stream);

  // Of the client's request of that number: each has another one, and none is 0.
  TraceId of(std::uint64_t number) const;

 private:
  std::uint64_t high_ = 0;
  std::uint64_t low_ = 0;
};

// The span of our request in its trace, which is the id's alone: a request has one, whatever
// redirects it took and how often it was sent.
std::uint64_t span_of(const TraceId& id);

}  // namespace galileo::wire
