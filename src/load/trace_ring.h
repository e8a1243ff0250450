// The way of traces off an event loop: a ring without locks into a desk, which drains it every few
// milliseconds. The loop never waits; a full ring loses a trace and counts that. put() and name()
// are called on the loop, drain() at the desk, lost() anywhere.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "base/counters.h"
#include "base/inbox.h"
#include "load/trace_sink.h"

namespace galileo::load {

// Takes what a desk drains. A name comes before the first trace that refers to it.
class TraceTaker {
 public:
  virtual void on_name(wire::NameId id, std::string_view name) = 0;
  // The trace's texts are valid during the call.
  virtual void on_trace(const wire::Trace& trace) = 0;

 protected:
  ~TraceTaker() = default;
};

class TraceRing final : public TraceSink {
 public:
  static constexpr std::size_t kBytes = std::size_t{8} << 20;  // some 50,000 traces

  explicit TraceRing(std::size_t bytes = kBytes);

  void put(const wire::Trace& trace) override;
  wire::NameId name(std::string_view text) override;

  void drain(TraceTaker& taker);
  std::uint64_t lost() const { return lost_.load(); }

 private:
  MessageRing ring_;
  RelaxedCounter lost_;
  std::unordered_map<std::string, wire::NameId> ids_;  // the loop's
};

}  // namespace galileo::load
