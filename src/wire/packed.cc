#include "wire/packed.h"

namespace galileo::wire {
namespace {

enum Flags : std::uint8_t { kClosedLoop = 1, kRetried = 2, kEmptyResponse = 4 };

}  // namespace

PackedTrace pack(const Trace& trace) {
  PackedTrace to{};
  to.flags = static_cast<std::uint8_t>((trace.closed_loop ? kClosedLoop : 0) |
                                       (trace.retried ? kRetried : 0) |
                                       (trace.empty_response ? kEmptyResponse : 0));
  to.failure = static_cast<std::uint8_t>(trace.failure);
  to.status = trace.status;
  to.client = trace.client;
  to.id_prefix = trace.id_prefix;
  to.service = trace.service;
  to.server = trace.server;
  to.phase = trace.phase;
  to.headers_size = static_cast<std::uint32_t>(trace.headers.size());
  to.number = trace.number;
  to.created = packed(trace.created);
  to.dispatched = packed(trace.dispatched);
  to.sent = packed(trace.sent);
  to.first_byte = packed(trace.first_byte);
  to.done = packed(trace.done);
  to.request_bytes = trace.request_bytes;
  to.response_bytes = trace.response_bytes;
  return to;
}

Trace unpack(const PackedTrace& from) {
  Trace trace;
  trace.client = from.client;
  trace.id_prefix = from.id_prefix;
  trace.service = from.service;
  trace.server = from.server;
  trace.phase = from.phase;
  trace.status = from.status;
  if (from.failure < kFailureCount) trace.failure = static_cast<Failure>(from.failure);
  trace.closed_loop = (from.flags & kClosedLoop) != 0;
  trace.retried = (from.flags & kRetried) != 0;
  trace.empty_response = (from.flags & kEmptyResponse) != 0;
  trace.number = from.number;
  trace.created = unpacked(from.created);
  trace.dispatched = unpacked(from.dispatched);
  trace.sent = unpacked(from.sent);
  trace.first_byte = unpacked(from.first_byte);
  trace.done = unpacked(from.done);
  trace.request_bytes = from.request_bytes;
  trace.response_bytes = from.response_bytes;
  return trace;
}

}  // namespace galileo::wire
