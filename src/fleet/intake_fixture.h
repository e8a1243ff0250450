// What the tests of the intake and the recorder share: messages as workers send them, and somebody
// who takes what comes.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "store/store_fixture.h"
#include "wire/trace_batch.h"

namespace galileo::fleet {

using store::kTestStart;

// Keeps all of it, names resolved.
struct Taken final : store::SpoolVisitor {
  void on_trace(const wire::Trace& trace, const wire::Names& names) override {
    traces.push_back(wire::resolve(trace, names));
  }
  void on_sample(const wire::Sample& sample) override { samples.push_back(sample); }
  void on_event(const wire::Event& event) override { events.push_back(event); }
  std::vector<std::string> ids() const {
    std::vector<std::string> all;
    for (const auto& trace : traces) all.push_back(trace.request_id);
    return all;
  }
  std::vector<wire::NamedTrace> traces;
  std::vector<wire::Sample> samples;
  std::vector<wire::Event> events;
};

// The line of the request "<prefix>:<number>" of a client.
inline std::string test_line(const std::string& request_id,
                             const std::string& client = "old:web:0") {
  return fmt::format(
      "{},{},web,1795500000.5000000,1795500000.5010000,1795500000.6000000,200,10.0.0.1:80,None,"
      "{{\"A\": \"1\"| \"B\": \"2\"}},hello, you",
      request_id, client);
}

// A batch of the requests `first` to `last` of one client "<worker>:web:0".
inline std::string test_batch(const wire::TraceBatchHead& head, std::uint64_t first,
                              std::uint64_t last, const std::string& prefix = "abcdef0123",
                              std::string_view response = {}) {
  wire::Names names;
  wire::Trace trace;
  trace.client = names.add(head.worker + ":web:0");
  trace.id_prefix = names.add(prefix);
  trace.service = names.add("web");
  trace.server = names.add("10.0.0.1:80");
  trace.phase = names.add("main");
  trace.status = 200;
  trace.response = response;
  wire::TraceBatchWriter writer;
  for (trace.number = first; trace.number <= last; ++trace.number) {
    trace.created = kTestStart + std::chrono::milliseconds{static_cast<std::int64_t>(trace.number)};
    trace.dispatched = trace.created + Duration{4'000};
    trace.sent = trace.created + Duration{9'000};
    trace.first_byte = trace.created + Duration{100'000};
    trace.done = trace.created + Duration{120'000};
    writer.add(trace, names);
  }
  return writer.take(head);
}

}  // namespace galileo::fleet
