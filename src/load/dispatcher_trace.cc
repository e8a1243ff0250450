// Which distributed trace a request belongs to. It is one span of its trace, with one header
// traceparent: that goes along unchanged to where redirects lead, with the answer to a challenge,
// and when the message is sent again, since all of that is one request here and one span wherever
// it is exported. So each server finds its parent.
#include <algorithm>

#include "load/dispatcher.h"
#include "wire/http1.h"
#include "wire/trace_context.h"

namespace galileo::load {
namespace {

constexpr std::string_view kTracestate = "tracestate";

bool is_named(const std::pair<std::string, std::string>& header, std::string_view name) {
  return wire::http1::equals_ignoring_case(header.first, name);
}

// What a log has recorded belongs to traces that are over, and isn't said again.
void drop_recorded(wire::http1::Headers& headers) {
  std::erase_if(headers, [](const auto& header) {
    return is_named(header, wire::kTraceparent) || is_named(header, kTracestate);
  });
}

}  // namespace

// Before the message is made. A request that has the header already keeps it.
void Dispatcher::take_trace(Sending& sending) {
  const Client& client = *sending.client;
  const Request& request = client.group().request;
  if (client.source() && request.source.kind == "replay") drop_recorded(sending.made->headers);
  const wire::http1::Headers& headers = client.source() ? sending.made->headers : request.headers;
  const auto own = std::find_if(headers.begin(), headers.end(), [](const auto& header) {
    return is_named(header, wire::kTraceparent);
  });
  sending.adds_trace = own == headers.end();
  if (sending.adds_trace)
    sending.trace_id = client.trace_ids.of(sending.number);
  else if (const auto read = wire::parse_traceparent(own->second))
    sending.trace_id = read->trace;
}

// Once the message of a hop is made: behind the request line and the first header, which is Host.
void Dispatcher::say_trace(Sending& sending) {
  constexpr std::string_view kEnd = "\r\n";
  const std::string_view bytes = sending.bytes;
  const std::size_t second = bytes.find(kEnd, bytes.find(kEnd) + kEnd.size()) + kEnd.size();
  const wire::TraceId& id = sending.trace_id;
  const double share = *sending.client->group().request.traceparent;
  const auto value = wire::to_chars({id, wire::span_of(id), wire::is_sampled(id, share)});
  std::string& traced = sending.traced;
  traced.assign(bytes.substr(0, second)).append(wire::kTraceparent).append(": ");
  traced.append(value.data(), value.size()).append(kEnd).append(bytes.substr(second));
  sending.bytes = traced;
  sending.ahead = nullptr;  // of other bytes
}

}  // namespace galileo::load
