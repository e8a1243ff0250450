#include "wire/trace.h"

#include <array>

#include "wire/statuses.h"
#include "wire/trace_fields.h"

namespace galileo::wire {
namespace {

struct FailureRow {
  std::string_view name;
  FailureGroup group;
  std::string_view text;
};

constexpr std::array<FailureRow, kFailureCount> kFailures{{
    {"", FailureGroup::none, ""},
#define FAILURE(name, group, text) {#name, FailureGroup::group, text},
#include "wire/failures.def"
#undef FAILURE
}};

const FailureRow& row(Failure failure) {
  return kFailures.at(static_cast<std::size_t>(failure));
}

}  // namespace

std::string_view failure_name(Failure failure) {
  return row(failure).name;
}
std::string_view failure_text(Failure failure) {
  return row(failure).text;
}
FailureGroup failure_group(Failure failure) {
  return row(failure).group;
}

Failure failure_named(std::string_view name) {
  for (std::size_t i = 1; i < kFailures.size(); ++i) {
    if (kFailures[i].name == name) return static_cast<Failure>(i);
  }
  return Failure::none;
}

std::string_view failure_name(const Trace& trace, const Names& names) {
  if (trace.failure == Failure::none) return names.at(trace.foreign_failure);
  return failure_name(trace.failure);
}

NamedTrace resolve(const Trace& trace, const Names& names) {
  NamedTrace named;
  put_request_id(named.request_id, trace, names);
  each_stored_field(trace, names, {}, named.request_id, [&](auto place, const auto& value) {
    if constexpr (has_field<NamedTrace>(place) && place != field_place::request_id)
      field_of<place>(named) = value;
  });
  named.server = names.at(trace.server);
  named.empty_response = trace.empty_response;
  return named;
}

Failure guess_failure(const NamedTrace& trace) {
  const Failure named = failure_named(trace.failure);
  // Whoever says when a request was dispatched says why it failed, too.
  const bool says_why = trace.dispatched != kNoWall && trace.failure.empty();
  if (named != Failure::none || (says_why && trace.status >= 0)) return named;
  if (trace.status >= 0)
    return failing_by_default().contains(trace.status) ? Failure::status : Failure::none;
  return trace.sent == kNoWall ? Failure::no_route : Failure::closed;
}

}  // namespace galileo::wire
