// What the bus brings during an experiment, as the spool and the summary take it: traces (batches
// and lines), telemetry and events. Messages go through a ring from the bus's desk to that of the
// owner, who drains it every few milliseconds; a full ring loses a message and counts it. What came
// twice is left out, what is missing is counted, what can't be read is counted and the first of its
// kind is kept to be told.
//
// A worker of ours may send lines (to an old recorder) beside the batches that we take, which hold
// more. So a line of a worker that sends batches waits for its twin, and is taken where none comes.
//
// open(), catch_up() and close() on the control thread; drain(), finish() and the counts at the
// owner's desk, or anywhere once closed.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/counters.h"
#include "base/inbox.h"
#include "bus/bus.h"
#include "fleet/number_set.h"
#include "store/spool.h"
#include "wire/trace_batch.h"
#include "wire/trace_line.h"

namespace galileo::fleet {

struct IntakeCounts {
  std::uint64_t traces = 0;      // handed on
  std::uint64_t duplicates = 0;  // traces that had come before
  // Requests between the first and the last one seen of a client of which no trace came: lost, made
  // while tracing was paused, or still on their way.
  std::uint64_t missing = 0;
  std::uint64_t batches = 0;          // taken
  std::uint64_t batches_missing = 0;  // the same of batches: lost for sure
  std::uint64_t samples = 0;
  std::uint64_t events = 0;
  std::uint64_t malformed = 0;  // messages that couldn't be read, or held one name too many
  std::uint64_t dropped = 0;    // messages that the ring had no room for

  bool operator==(const IntakeCounts&) const = default;
};

class Intake {
 public:
  struct Options {
    std::size_t ring_bytes = std::size_t{64} << 20;  // a message may take up to a quarter of it
    // Clients, request ids' first parts, services, servers and phases together: what a foreign
    // sender may make us remember.
    std::size_t names_max = std::size_t{1} << 20;
    // How many drains a line waits for the batch that holds the same, and how much may wait.
    std::uint64_t line_waits = 100;
    std::size_t waiting_bytes_max = std::size_t{16} << 20;
  };

  explicit Intake(const Options& options);
  Intake() : Intake(Options()) {}
  ~Intake();
  Intake(const Intake&) = delete;
  Intake& operator=(const Intake&) = delete;

  // Listens to traces, events and the telemetry of these nodes (empty: all) from when it returns;
  // after a break of the bus, again by itself. `bus` outlives it.
  Result<void> open(bus::Bus& bus, const std::vector<std::string>& nodes = {});
  // Returns when all that was published before the call is in the ring, which somebody else drains
  // meanwhile; false where the bus is away, or took longer than that.
  bool catch_up(Duration timeout);
  // Nothing comes after it.
  void close();

  // Hands on what has come. The names that traces refer to are those of names(), which only ever
  // grows.
  void drain(store::SpoolVisitor& to);
  // The last drain, after close(): also what still waited.
  void finish(store::SpoolVisitor& to);

  const wire::Names& names() const { return names_; }
  // The number of a name there, for an owner that adds what a sender couldn't say.
  wire::NameId name_id(std::string_view name);
  IntakeCounts counts() const;
  // Whether all batches of that worker's process up to that one have come, from the first one on
  // that was sent while we listened.
  bool has_batches(const std::string& worker, const std::string& boot, std::uint64_t last) const;
  // The first malformed message of each kind, as Errors.
  const std::vector<Error>& troubles() const { return troubles_; }

 private:
  enum class Kind : std::uint32_t { kBatch, kLine, kSample, kEvent };
  // Names as keys, looked up without a copy.
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  struct WaitingLine {
    std::uint64_t since = 0;  // drain
    std::string line;
  };

  void on_message(std::string_view channel, std::string_view message);
  void take(std::string_view message, store::SpoolVisitor& to);
  void take_batch(std::string_view bytes, store::SpoolVisitor& to);
  void take_line(std::string_view line, store::SpoolVisitor& to);
  void take_waiting(std::uint64_t since_max, store::SpoolVisitor& to);
  void hand_on(const wire::TraceLine& line, bool waited, store::SpoolVisitor& to);
  bool is_new(const wire::Trace& trace);
  bool has_room_for(std::span<const std::string_view> names, Kind kind);
  void malformed(Kind kind, const Error& error);

  const Options options_;
  MessageRing ring_;
  RelaxedCounter dropped_;
  bus::Bus* bus_ = nullptr;  // while open
  std::string mark_channel_;
  std::uint64_t marks_sent_ = 0;
  RelaxedCounter marks_heard_;
  std::unique_ptr<bus::Subscription> subscription_;
  wire::Names names_;
  std::unordered_map<std::string, wire::NameId, Hash, std::equal_to<>> ids_;
  // The requests' numbers, by client and id prefix.
  std::unordered_map<std::uint64_t, NumberSet> numbers_;
  // The batches' numbers, by worker and boot.
  std::map<std::string, std::map<std::string, NumberSet>, std::less<>> batches_;
  std::deque<WaitingLine> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::uint64_t drains_ = 0;
  IntakeCounts counts_;
  std::uint32_t kinds_told_ = 0;
  std::vector<Error> troubles_;
};

}  // namespace galileo::fleet
