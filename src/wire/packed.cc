#include "wire/packed.h"

namespace galileo::wire {
namespace {

enum Flags : std::uint8_t { kClosedLoop = 1, kRetried = 2, kEmptyResponse = 4 };

}  // namespace

void set_field_beside(Trace& trace, std::uint8_t number, std::int64_t value) {
  each_field(trace, [&](auto place, auto& to) {
    if constexpr (is_beside(place) && kTraceFields[place].kind == FieldKind::hex_id) {
      if (number == place + 1) unpack(to.high, value);
      if (number == place + 1 + kSecondHalf) unpack(to.low, value);
    } else if constexpr (is_beside(place)) {
      if (number == place + 1) unpack(to, value);
    }
  });
}

PackedTrace pack(const Trace& trace) {
  PackedTrace to{};
  to.flags = static_cast<std::uint8_t>((trace.closed_loop ? kClosedLoop : 0) |
                                       (trace.retried ? kRetried : 0) |
                                       (trace.empty_response ? kEmptyResponse : 0));
  to.id_prefix = trace.id_prefix;
  to.headers_size = static_cast<std::uint32_t>(trace.headers.size());
  to.number = trace.number;
  each_field(trace, [&](auto place, const auto& value) {
    static_assert(has_field<PackedTrace>(place) != is_beside(place) ||
                  kTraceFields[place].kind == FieldKind::headers ||
                  kTraceFields[place].kind == FieldKind::response);
    if constexpr (has_field<PackedTrace>(place)) {
      auto& field = field_of<place>(to);
      field = static_cast<std::remove_reference_t<decltype(field)>>(packed(value));
    }
  });
  return to;
}

Trace unpack(const PackedTrace& from) {
  Trace trace;
  trace.closed_loop = (from.flags & kClosedLoop) != 0;
  trace.retried = (from.flags & kRetried) != 0;
  trace.empty_response = (from.flags & kEmptyResponse) != 0;
  trace.id_prefix = from.id_prefix;
  trace.number = from.number;
  each_field(trace, [&](auto place, auto& value) {
    if constexpr (place == field_place::failure) {
      if (from.failure < kFailureCount) value = static_cast<Failure>(from.failure);
    } else if constexpr (has_field<PackedTrace>(place)) {
      unpack(value, static_cast<std::int64_t>(field_of<place>(from)));
    }
  });
  return trace;
}

}  // namespace galileo::wire
