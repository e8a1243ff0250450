// Values as plain bytes, for formats that must be fast: the spool (docs/wire/spool.md), and batches
// of traces on the bus (docs/wire/trace_batches.md). Numbers are little-endian, as on all machines
// that this runs on; a text is its size as u32 and its bytes. Pure functions and values.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/time.h"
#include "wire/trace_fields.h"

namespace galileo::wire {

static_assert(std::endian::native == std::endian::little);

// A trace without its texts, as it lies in a spool and in a batch; headers and response follow. Its
// bytes are a promise: fields that came later aren't among them.
struct PackedTrace {
  std::uint16_t producer;  // whose numbers the names are; 0 in a batch
  std::uint8_t flags;
  std::uint8_t failure;
  std::int32_t status;
  std::uint32_t client;
  std::uint32_t id_prefix;
  std::uint32_t service;
  std::uint32_t server;
  std::uint32_t phase;
  std::uint32_t headers_size;
  std::uint64_t number;
  std::int64_t created;
  std::int64_t dispatched;
  std::int64_t sent;
  std::int64_t first_byte;
  std::int64_t done;
  std::uint64_t request_bytes;
  std::uint64_t response_bytes;
};
static_assert(sizeof(PackedTrace) == 96 && alignof(PackedTrace) == 8);

template <class T>
void put(std::string& out, const T& value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof value);
}

inline void put_text(std::string& out, std::string_view text) {
  put(out, static_cast<std::uint32_t>(text.size()));
  out.append(text);
}

// Any number of a trace in eight bytes; times in nanoseconds.
constexpr std::int64_t packed(Wall wall) {
  return wall.time_since_epoch().count();
}
constexpr std::int64_t packed(Duration duration) {
  return duration.count();
}
template <class Number>
constexpr std::int64_t packed(Number number) {
  return static_cast<std::int64_t>(number);
}
constexpr Wall unpacked(std::int64_t ns) {
  return Wall{Duration{ns}};
}
template <class Number>
constexpr void unpack(Number& to, std::int64_t from) {
  if constexpr (std::is_same_v<Number, Wall>)
    to = unpacked(from);
  else
    to = static_cast<Number>(from);
}

// Takes values off a payload; after a short one nothing is taken any more and ok() is false.
class Unpacker {
 public:
  explicit Unpacker(std::string_view bytes) : bytes_(bytes) {}

  template <class T>
  T take() {
    T value{};
    if (bytes_.size() < sizeof value) {
      ok_ = false;
      bytes_ = {};
      return value;
    }
    // There are as many bytes. NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage)
    std::memcpy(&value, bytes_.data(), sizeof value);
    bytes_.remove_prefix(sizeof value);
    return value;
  }
  Wall take_wall() { return unpacked(take<std::int64_t>()); }
  std::string_view take_text() { return take_bytes(take<std::uint32_t>()); }
  std::string_view take_bytes(std::size_t size) {
    if (!ok_ || bytes_.size() < size) {
      ok_ = false;
      bytes_ = {};
      return {};
    }
    const std::string_view bytes = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return bytes;
  }
  std::string_view rest() const { return bytes_; }
  bool ok() const { return ok_; }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

// Fields of later versions travel beside a PackedTrace, each as its number and eight bytes, where
// the trace has it: whoever doesn't know the number passes it over. Numbers, and names by
// their own; a text needs a place in the formats first. An id of 16 bytes travels in two, whose
// second one has kSecondHalf added to its number.
constexpr bool is_beside(std::size_t place) {
  return kTraceFields[place].since > 1;
}
inline constexpr std::size_t kBesideSize = 9;
inline constexpr std::uint8_t kSecondHalf = 128;

template <class F>
void each_field_beside(const Trace& trace, F&& f) {
  static constexpr Trace kNew;
  each_field(trace, [&](auto place, const auto& value) {
    if constexpr (is_beside(place)) {
      static_assert(place + 1 < kSecondHalf);
      constexpr auto kNumber = static_cast<std::uint8_t>(place + 1);
      if (value == field_of<place>(kNew)) return;
      if constexpr (kTraceFields[place].kind == FieldKind::hex_id) {
        f(kNumber, packed(value.high));
        f(static_cast<std::uint8_t>(kNumber + kSecondHalf), packed(value.low));
      } else {
        f(kNumber, packed(value));
      }
    }
  });
}
inline bool has_fields_beside(const Trace& trace) {
  bool has = false;
  each_field_beside(trace, [&](std::uint8_t, std::int64_t) { has = true; });
  return has;
}
void set_field_beside(Trace& trace, std::uint8_t number, std::int64_t value);

PackedTrace pack(const Trace& trace);
// The names of `packed` are taken as they are; a failure that isn't known reads as none.
Trace unpack(const PackedTrace& packed);

}  // namespace galileo::wire
