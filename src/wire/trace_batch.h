// Many traces as one message of the bus (docs/wire/trace_batches.md): everything that a trace
// holds, at a fraction of what a line a trace costs, and numbered, so that the recorder can tell
// what is missing and what came twice. Workers send batches where somebody takes them, lines of
// docs/wire/bus.md otherwise. Passive values; one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "wire/trace.h"

namespace galileo::wire {

// Whose batch, and which.
struct TraceBatchHead {
  std::string worker;
  std::string boot;            // of the worker's process: its numbers begin anew with each
  std::uint64_t sequence = 0;  // from 1; counts the batches of that process
  bool resent = false;         // may have arrived before: the bus went away while it was sent
};

// Makes batches, one after the other.
class TraceBatchWriter {
 public:
  // A trace and the names that it refers to; both are copied.
  void add(const Trace& trace, const Names& names);
  std::size_t traces() const { return traces_; }
  std::size_t bytes() const { return rows_.size() + names_.size() + beside_.size(); }
  // The batch of what was added since the last one.
  std::string take(const TraceBatchHead& head);

 private:
  // The numbers that this batch gives to one table's names; -1: none yet.
  struct Places {
    const Names* names = nullptr;
    std::vector<std::int64_t> ids;
  };
  NameId place(Places& places, NameId id);
  Places& places_of(const Names& names);

  std::string names_;
  std::string rows_;
  std::string beside_;
  std::uint32_t beside_count_ = 0;
  std::uint32_t names_count_ = 0;
  std::uint32_t traces_ = 0;
  std::vector<Places> places_;
};

// Marks a batch that was made already as one that may have arrived before.
void mark_resent(std::string& message);

struct TraceBatch {
  TraceBatchHead head;
  Names names;
  std::vector<Trace> traces;  // their texts are views into the message
};

// An Error (kCorrupt) where the bytes are no whole batch of this version.
Result<TraceBatch> decode_trace_batch(std::string_view message);

}  // namespace galileo::wire
