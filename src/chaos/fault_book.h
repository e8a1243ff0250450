// The faults that an agent has started: which of them an order means, and which are to end when.
// Passive, with time as an argument; what is written of it to a file is read by who comes after an
// agent that was killed.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "wire/fault_order.h"

namespace galileo::chaos {

// What must be known to undo one, also by another process.
struct Undo {
  std::vector<std::string> words;  // of tc; empty: it is processes
  std::string address;             // of the network; empty: the node's own
  std::uint64_t network = 0;       // which network that was
  std::int64_t group = 0;          // of processes
  std::uint64_t group_start = 0;   // of its leader, in the kernel's ticks
  std::string id;                  // of its order
  std::string of;

  bool operator==(const Undo&) const = default;
};

struct Fault {
  wire::FaultOrder order;
  Undo undo;
  Time started{};
  Time ends = kNever;        // its time is over
  Time lease_ends = kNever;  // nobody has renewed it
};

// A line each; texts are JSON, so that a line is a line.
std::string to_text(const std::vector<Undo>& undos);
// Lines that can't be read are left out: the last one may be half written.
std::vector<Undo> parse_undos(std::string_view text);

class FaultBook {
 public:
  // `lease`: of those that say none but whose they are.
  explicit FaultBook(Duration lease) : lease_(lease) {}

  Fault& add(wire::FaultOrder order, Undo undo, Time now);
  void remove(const Fault& fault);
  // That with its id, or without one that of the same parameters; null: there is none.
  Fault* find(const wire::FaultOrder& order);
  // That of tc which these words take away.
  Fault* find_undo(const std::vector<std::string>& words, const std::string& address);
  // Those of the experiment, the last one first, as they are undone.
  std::vector<Fault*> of(std::string_view experiment);
  std::vector<Fault*> all();
  // How many there are to renew.
  std::size_t renew(std::string_view experiment, Time now);
  // Those that are to end, with why, the last one first.
  std::vector<std::pair<Fault*, std::string>> due(Time now);
  std::vector<Undo> undos() const;
  std::size_t size() const { return faults_.size(); }

 private:
  Duration lease_of(const wire::FaultOrder& order) const;

  const Duration lease_;
  std::vector<std::unique_ptr<Fault>> faults_;
};

}  // namespace galileo::chaos
