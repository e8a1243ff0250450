#include "wire/trace_fields.h"

#include <charconv>

namespace galileo::wire {

RequestId split_request_id(std::string_view id) {
  const std::size_t colon = id.rfind(':');
  if (colon == std::string_view::npos) return {id, 0};
  const std::string_view digits = id.substr(colon + 1);
  const char* const begin = digits.data();
  const char* const end = begin + digits.size();
  std::uint64_t number = 0;
  const auto [stop, error] = std::from_chars(begin, end, number);
  if (error != std::errc{} || stop != end || digits.front() == '0') return {id, 0};
  return {id.substr(0, colon), number};
}

void put_request_id(std::string& id, const Trace& trace, const Names& names) {
  id = names.at(trace.id_prefix);
  if (trace.number == 0) return;
  std::array<char, 24> digits{};
  char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), trace.number).ptr;
  id += ':';
  id.append(digits.data(), end);
}

TraceView view(const Trace& trace, const Names& names, std::string_view exp_id,
               std::string_view id) {
  TraceView row;
  each_stored_field(trace, names, exp_id, id,
                    [&](auto place, const auto& value) { field_of<place>(row) = value; });
  row.empty_response = trace.empty_response;
  row.closed_loop = trace.closed_loop;
  return row;
}

TraceView view(const NamedTrace& trace, std::string_view exp_id) {
  TraceView row;
  each_field(row, [&](auto place, auto& value) {
    if constexpr (place != field_place::exp_id) value = field_of<place>(trace);
  });
  row.empty_response = trace.empty_response;
  row.exp_id = exp_id;
  row.closed_loop = is_closed_loop(trace);
  return row;
}

}  // namespace galileo::wire
