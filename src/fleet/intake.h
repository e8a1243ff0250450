// What the bus brings during an experiment, as the spool and the summary take it: traces (batches
// and lines), telemetry and events. Messages go through a ring from the bus's desk to that of the
// owner, who drains it every few milliseconds; a full ring loses a message and counts it. What came
// twice is left out, what is missing is counted, what can't be read is counted and the first of its
// kind is kept to be told.
//
// open() and close() on the control thread; drain() and the counts at the owner's desk, or anywhere
// once closed.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/counters.h"
#include "base/inbox.h"
#include "bus/bus.h"
#include "fleet/number_set.h"
#include "store/spool.h"
#include "wire/trace_batch.h"

namespace galileo::fleet {

struct IntakeCounts {
  std::uint64_t traces = 0;      // handed on
  std::uint64_t duplicates = 0;  // traces that had come before
  std::uint64_t missing =
      0;  // numbers that never came: requests of clients, as far as one can tell
  std::uint64_t batches = 0;
  std::uint64_t batches_missing = 0;
  std::uint64_t samples = 0;
  std::uint64_t events = 0;
  std::uint64_t malformed = 0;  // messages that couldn't be read
  std::uint64_t dropped = 0;    // messages that the ring had no room for
};

class Intake {
 public:
  static constexpr std::size_t kRingBytes = std::size_t{64} << 20;

  explicit Intake(std::size_t ring_bytes = kRingBytes);
  ~Intake();

  // Listens to traces, events and the telemetry of these nodes (empty: all). `bus` outlives it.
  Result<void> open(bus::Bus& bus, const std::vector<std::string>& nodes = {});
  void close();

  // Hands on what has come. The names that traces refer to are those of names(), which only ever
  // grows.
  void drain(store::SpoolVisitor& to);

  const wire::Names& names() const { return names_; }
  IntakeCounts counts() const;
  // Of that worker's process: whether all its batches up to that one have come.
  bool has_batches(const std::string& worker, const std::string& boot, std::uint64_t last) const;
  // The first malformed message of each kind, as Errors.
  const std::vector<Error>& troubles() const { return troubles_; }

 private:
  enum class Kind : std::uint32_t { kBatch, kLine, kSample, kEvent };
  struct Sender {
    NumberSet batches;
  };

  void on_message(std::string_view channel, std::string_view message);
  void take(std::string_view message, store::SpoolVisitor& to);
  void take_batch(std::string_view bytes, store::SpoolVisitor& to);
  void take_line(std::string_view line, store::SpoolVisitor& to);
  void hand_on(wire::Trace& trace, store::SpoolVisitor& to);
  void malformed(Kind kind, const Error& error);
  wire::NameId intern(std::string_view name);
  NumberSet& numbers_of(wire::NameId id_prefix);

  MessageRing ring_;
  RelaxedCounter dropped_;
  std::vector<std::unique_ptr<bus::Subscription>> subscriptions_;
  wire::Names names_;
  std::unordered_map<std::string, wire::NameId> ids_;
  std::vector<NumberSet> numbers_;         // of requests, by the id prefix's number
  std::map<std::string, Sender> senders_;  // by worker and boot
  IntakeCounts counts_;
  std::uint32_t kinds_told_ = 0;
  std::vector<Error> troubles_;
};

}  // namespace galileo::fleet
