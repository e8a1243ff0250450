#include "load/trace_ring.h"

#include <algorithm>
#include <cstring>

#include "net/loop.h"

namespace galileo::load {
namespace {

// What goes through a ring: this, then a name or a trace with its texts.
struct MessageHead {
  enum Kind : std::uint32_t { kName, kTrace } kind = kTrace;
  wire::NameId id = 0;             // of a name
  std::uint32_t headers_size = 0;  // of a trace
  std::uint32_t response_size = 0;
};
struct TraceMessage {
  MessageHead head;
  wire::Trace trace;
};

template <class T>
std::string_view bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

void hand_on(std::string_view message, TraceVisitor& visitor) {
  MessageHead head;
  std::memcpy(&head, message.data(), sizeof head);
  if (head.kind == MessageHead::kName) return visitor.on_name(head.id, message.substr(sizeof head));
  TraceMessage taken;
  std::memcpy(static_cast<void*>(&taken), message.data(), sizeof taken);
  const std::string_view texts = message.substr(sizeof taken);
  taken.trace.headers = texts.substr(0, head.headers_size);
  taken.trace.response = texts.substr(head.headers_size, head.response_size);
  visitor.on_trace(taken.trace);
}

}  // namespace

TraceRing::TraceRing(std::size_t bytes) : ring_(bytes) {
  ids_.emplace("", 0);
}

void TraceRing::put(const wire::Trace& trace) {
  TraceMessage message;
  message.head = {MessageHead::kTrace, 0, static_cast<std::uint32_t>(trace.headers.size()),
                  static_cast<std::uint32_t>(trace.response.size())};
  message.trace = trace;
  if (!ring_.push(bytes_of(message), trace.headers, trace.response)) lost_.add(1);
}

wire::NameId TraceRing::name(std::string_view text) {
  const auto known = ids_.find(std::string(text));
  if (known != ids_.end()) return known->second;
  const auto id = static_cast<wire::NameId>(ids_.size());
  ids_.emplace(text, id);
  const MessageHead head{MessageHead::kName, id, 0, 0};
  // Names come before any request does, when nothing fills the ring; thousands of clients may
  // still have to wait for the desk once.
  while (!ring_.push(bytes_of(head), text)) net::pause_thread(std::chrono::milliseconds{1});
  return id;
}

std::size_t TraceRing::drain(TraceVisitor& visitor) {
  return ring_.drain([&](std::string_view message) { hand_on(message, visitor); });
}

void DrainPace::took(std::size_t traces) {
  const double share = static_cast<double>(kTracesAtOnce) / static_cast<double>(traces);
  wait_ = traces == 0
              ? kMost
              : std::clamp(std::chrono::duration_cast<Duration>(wait_ * share), kLeast, kMost);
}

}  // namespace galileo::load
