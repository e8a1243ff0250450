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

// Visits what a desk drains. A name comes before the first trace that refers to it.
class TraceVisitor {
 public:
  virtual void on_name(wire::NameId id, std::string_view name) = 0;
  // The trace's texts are valid during the call.
  virtual void on_trace(const wire::Trace& trace) = 0;

 protected:
  ~TraceVisitor() = default;
};

class TraceRing final : public TraceSink {
 public:
  static constexpr std::size_t kBytes = std::size_t{8} << 20;  // some 50,000 traces

  explicit TraceRing(std::size_t bytes = kBytes);

  void put(const wire::Trace& trace) override;
  wire::NameId name(std::string_view text) override;

  // How many names and traces there were.
  std::size_t drain(TraceVisitor& visitor);
  std::uint64_t lost() const { return lost_.load(); }

 private:
  MessageRing ring_;
  RelaxedCounter lost_;
  std::unordered_map<std::string, wire::NameId> ids_;  // the loop's
};

// How long a desk rests between two drains: so long that it finds few traces at a time, as it may
// share its core with a loop, where each request due meanwhile waits, and at a high rate those
// behind it too. What a kill -9 can lose is what came since the last drain.
class DrainPace {
 public:
  static constexpr Duration kMost = std::chrono::milliseconds{50};
  static constexpr Duration kLeast = std::chrono::milliseconds{1};
  static constexpr std::size_t kTracesAtOnce = 128;  // some 30 us of work

  Duration wait() const { return wait_; }
  // After resting wait(), so many were there.
  void took(std::size_t traces);

 private:
  Duration wait_ = kMost;
};

}  // namespace galileo::load
