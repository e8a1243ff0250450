// The ledger of a run: every request that was due is accounted for, whatever became of it.
//   intended = sent + not sent (why);  sent = answered + failed (why) + in flight at the end;
//   traces made = stored + spooled + lost.
// Plain counts; each loop keeps its own, the run adds them up.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "wire/trace.h"

namespace galileo::load {

// How many requests have come due so far, and of how many some of it may have gone out.
struct Begun {
  std::uint64_t intended = 0;
  std::uint64_t sent = 0;

  bool operator==(const Begun&) const = default;
};

struct Ledger {
  std::uint64_t intended = 0;
  std::uint64_t sent = 0;      // left, or tried to connect
  std::uint64_t answered = 0;  // a complete answer, of a status that is no failure
  std::uint64_t in_flight_at_end = 0;
  // Counts by reason; a slot's group says whether it was not sent or failed.
  std::array<std::uint64_t, wire::kFailureCount> failures{};
  std::uint64_t retried = 0;  // sent again, unseen, after an idle connection had been closed
  std::uint64_t traces_made = 0;
  std::uint64_t traces_stored = 0;
  std::uint64_t traces_spooled = 0;  // kept in the spool only
  std::uint64_t traces_lost = 0;

  // One request that is over, as its trace tells.
  void count(const wire::Trace& trace);
  void add(const Ledger& other);

  std::uint64_t not_sent() const { return of_group(wire::FailureGroup::not_sent); }
  std::uint64_t failed() const { return of_group(wire::FailureGroup::failed); }
  // Requests were sent and not one of them found a connection: nobody is there.
  bool unreached() const;
  std::uint64_t of(wire::Failure failure) const {
    return failures[static_cast<std::size_t>(failure)];
  }

  bool balanced() const { return imbalance().empty(); }
  // The first sum that doesn't hold, with its numbers; empty: all hold.
  std::string imbalance() const;

 private:
  std::uint64_t of_group(wire::FailureGroup group) const;
};

}  // namespace galileo::load
