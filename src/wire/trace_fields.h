// The table of a trace's fields as values: what stores, formats and tests go through in place of
// naming each field. Everything here is known when compiling: a loop over the fields becomes the
// lines that one would have written by hand. Values and pure functions; any thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "wire/trace.h"

namespace galileo::wire {

// What a field is, and what holds it in a Trace; a TraceRow has a member for each but `experiment`.
enum class FieldKind : std::uint8_t {
  id,          // text: the request's; `id_prefix` and `number` of a Trace
  name,        // text: a number of Names in a Trace
  time,        // Wall; kNoWall: it didn't happen
  intended,    // Wall: `created`, unless the loop was closed
  duration,    // Duration; kNoDuration: nothing took it
  code,        // std::int32_t
  count,       // std::uint64_t
  failure,     // text: the reason's name; `failure` or `foreign_failure` of a Trace
  headers,     // text: a JSON object
  response,    // text; an empty one that was kept isn't none, see `empty_response`
  experiment,  // text: whose trace it is, which the trace itself doesn't say
  hex_id,      // TraceId; text where there are only texts
};
enum class FieldNone : std::uint8_t { never, null, minus_one };
enum class FieldUse : std::uint8_t { figure, row };

struct TraceField {
  std::string_view column;
  FieldKind kind;
  FieldNone none;
  FieldUse use;
  int since;
  std::string_view unit;

  constexpr bool is_ours() const { return since > 0; }
  // Whether somebody who reads rows of an experiment for that use wants it.
  constexpr bool is_read_for(FieldUse wanted) const {
    return kind != FieldKind::experiment && (wanted == FieldUse::row || use == FieldUse::figure);
  }
};

inline constexpr TraceField kTraceFields[] = {
#define TRACE_FIELD(kind, member, column, none, use, since, unit) \
  {column, FieldKind::kind, FieldNone::none, FieldUse::use, since, unit},
#include "wire/trace_fields.def"
};
inline constexpr std::size_t kTraceFieldCount = std::size(kTraceFields);

// The version of tables that have all of them.
inline constexpr int kTraceFieldsVersion =
    std::max_element(std::begin(kTraceFields), std::end(kTraceFields), [](auto& a, auto& b) {
      return a.since < b.since;
    })->since;

// Which field it is: a place in kTraceFields.
namespace field_place {
enum : std::size_t {
#define TRACE_FIELD(kind, member, ...) member,
#include "wire/trace_fields.def"
};
}  // namespace field_place

// A field's place as a type, so that `constexpr TraceField field = kTraceFields[place]` holds.
template <std::size_t Place>
using FieldPlace = std::integral_constant<std::size_t, Place>;

// What a store writes: a trace with its names resolved, whose texts are somebody else's.
struct TraceView : TraceRow<std::string_view> {
  std::string_view exp_id;   // empty: it belongs to no experiment
  bool closed_loop = false;  // there was no intended time
};

// Calls f(place, value) for the fields that the row has, in their order.
template <class Row, class F>
constexpr void each_field(Row&& row, F&& f) {
#define TRACE_FIELD(kind, member, ...) \
  if constexpr (requires { row.member; }) f(FieldPlace<field_place::member>{}, row.member);
#include "wire/trace_fields.def"
}

// Whether it has that field.
template <class Row>
constexpr bool has_field(std::size_t place) {
#define TRACE_FIELD(kind, member, ...) \
  if (place == field_place::member) return requires(Row& row) { row.member; };
#include "wire/trace_fields.def"
  return false;
}

// That field of it.
template <std::size_t Place, class Row>
constexpr auto& field_of(Row& row) {
#define TRACE_FIELD(kind, member, ...) \
  if constexpr (Place == field_place::member) return row.member;
#include "wire/trace_fields.def"
}

// Calls f(number) for each number of a name; a foreign failure's, which no format has, isn't among
// them.
template <class AnyTrace, class F>
constexpr void each_name(AnyTrace& trace, F&& f) {
  f(trace.id_prefix);
#define TRACE_NAME(member, ...) \
  if constexpr (requires { trace.member; }) f(trace.member);
#include "wire/trace_fields.def"
}

// "<prefix>:<number>"; an id of another form is a prefix as a whole, with the number 0. Put
// together again it is the same.
struct RequestId {
  std::string_view prefix;
  std::uint64_t number = 0;
};
RequestId split_request_id(std::string_view id);
// Put together, into `id`.
void put_request_id(std::string& id, const Trace& trace, const Names& names);

// Calls f(place, value) for each field as stores keep it, in the order of the columns: without a
// server where no answer came. `id` is the request's.
template <class F>
void each_stored_field(const Trace& trace, const Names& names, std::string_view exp_id,
                       std::string_view id, F&& f) {
  const auto name = [&](std::size_t place, NameId number) -> std::string_view {
    if (place == field_place::server && trace.status < 0) return {};
    return names.at(number);
  };
#define TRACE_PUT(member, value) f(FieldPlace<field_place::member>{}, value);
#define TRACE_ID(member, ...) TRACE_PUT(member, id)
#define TRACE_NAME(member, ...) TRACE_PUT(member, name(field_place::member, trace.member))
#define TRACE_TIME(member, ...) TRACE_PUT(member, trace.member)
#define TRACE_INTENDED(member, ...) \
  TRACE_PUT(member, trace.has_intended() ? trace.created : kNoWall)
#define TRACE_DURATION(member, ...) TRACE_PUT(member, trace.member)
#define TRACE_CODE(member, ...) TRACE_PUT(member, trace.member)
#define TRACE_COUNT(member, ...) TRACE_PUT(member, trace.member)
#define TRACE_FAILURE(member, ...) TRACE_PUT(member, failure_name(trace, names))
#define TRACE_HEADERS(member, ...) TRACE_PUT(member, trace.member)
#define TRACE_RESPONSE(member, ...) TRACE_PUT(member, trace.member)
#define TRACE_EXPERIMENT(member, ...) TRACE_PUT(member, exp_id)
#define TRACE_HEX_ID(member, ...) TRACE_PUT(member, trace.member)
#include "wire/trace_fields.def"
#undef TRACE_PUT
}

// The same as a row; the texts are valid while all of those are.
TraceView view(const Trace& trace, const Names& names, std::string_view exp_id,
               std::string_view id);
TraceView view(const NamedTrace& trace, std::string_view exp_id);

// Whether the request had no intended time, as far as a row says so: of one that was never
// dispatched it doesn't.
template <class Text>
constexpr bool is_closed_loop(const TraceRow<Text>& row) {
  return row.intended == kNoWall && row.dispatched != kNoWall;
}

// Gives the trace all that the row says but its texts.
template <class Text>
void copy_values(Trace& to, const TraceRow<Text>& from) {
#define TRACE_TIME(member, ...) to.member = from.member;
#define TRACE_DURATION(member, ...) to.member = from.member;
#define TRACE_CODE(member, ...) to.member = from.member;
#define TRACE_COUNT(member, ...) to.member = from.member;
#define TRACE_HEX_ID(member, ...) to.member = from.member;
#include "wire/trace_fields.def"
  to.closed_loop = is_closed_loop(from);
  to.empty_response = from.empty_response;
}

}  // namespace galileo::wire
