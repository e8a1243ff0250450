// What happened to one request. The load engine makes a Trace for each request that was due, sent
// or not, and puts it into a sink; the spool keeps it, the summary counts it, a store stores it.
// Plain values; times are wall clock, kNoWall where a thing didn't happen.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace galileo::wire {

enum class Failure : std::uint8_t {
  none,
#define FAILURE(name, group, text) name,
#include "wire/failures.def"
#undef FAILURE
};
inline constexpr int kFailureCount = 1
#define FAILURE(name, group, text) +1
#include "wire/failures.def"
#undef FAILURE
    ;

enum class FailureGroup : std::uint8_t { none, not_sent, failed, unfinished };

std::string_view failure_name(Failure failure);
std::string_view failure_text(Failure failure);
FailureGroup failure_group(Failure failure);
// Failure::none where no failure has that name.
Failure failure_named(std::string_view name);

// Names are sent once and referred to by number: the position in a Names table. Numbers belong to
// the producer (an event loop); id 0 is the empty name.
using NameId = std::uint32_t;

struct Trace {
  NameId client = 0;     // "<worker>:<service>:<n>"
  NameId id_prefix = 0;  // the first part of the request id, 10 characters, one a client
  NameId service = 0;
  NameId server = 0;         // host:port that was taken; empty where none was
  NameId phase = 0;          // phase of the experiment; "warmup" is left out of the statistics
  std::int32_t status = -1;  // HTTP status; -1 where no complete answer came
  Failure failure = Failure::none;
  bool closed_loop = false;     // sent because a connection was free; there was no intended time
  bool empty_response = false;  // an answer was kept, and it is empty: not the same as none
  bool retried = false;  // sent a second time, unseen, after an idle connection had been closed
  // A reason that failures.def doesn't have, as another version may have stored it; `failure` is
  // none then.
  NameId foreign_failure = 0;
  // Counts the client's requests from 1; 0: a foreign id, which id_prefix holds as a whole.
  std::uint64_t number = 0;
  Wall created = kNoWall;     // when it was due (open loop) or made (closed loop)
  Wall dispatched = kNoWall;  // when the generator acted on it: late by dispatched - created
  Wall sent = kNoWall;        // when its first byte went out; for a refused connection, the attempt
  Wall first_byte = kNoWall;  // when the first byte of the answer was read
  Wall done = kNoWall;        // when the answer was complete, or the failure seen
  std::uint64_t request_bytes = 0;
  std::uint64_t response_bytes = 0;  // head and body as received
  // Only where the client keeps them; valid during Sink::put. Headers are a JSON object.
  std::string_view headers;
  std::string_view response;

  // Whether `created` is when the request was due. Lines of the old wire don't say so.
  bool has_intended() const { return !closed_loop && dispatched != kNoWall; }
};

// Names by number, as one producer hands them out.
class Names {
 public:
  const std::string& at(NameId id) const { return names_.at(id); }
  NameId add(std::string name) {
    names_.push_back(std::move(name));
    return static_cast<NameId>(names_.size() - 1);
  }
  // Sets the name of a number that a producer chose, growing the table.
  void set(NameId id, std::string name) {
    if (id >= names_.size()) names_.resize(id + 1);
    names_[id] = std::move(name);
  }
  std::size_t size() const { return names_.size(); }

 private:
  std::vector<std::string> names_{std::string{}};
};

// A trace with its names resolved: what stores hold and the bus carries (docs/wire/).
struct NamedTrace {
  std::string request_id;  // "<prefix>:<number>", or whatever a foreign worker has
  std::string client;
  std::string service;
  std::string server;
  std::string phase;
  std::int32_t status = -1;
  std::string failure;      // failure_name(), empty for none; readers keep names they don't know
  Wall intended = kNoWall;  // kNoWall in a closed loop and in databases of the old system
  Wall created = kNoWall;
  Wall dispatched = kNoWall;
  Wall sent = kNoWall;
  Wall first_byte = kNoWall;
  Wall done = kNoWall;
  std::uint64_t request_bytes = 0;
  std::uint64_t response_bytes = 0;
  std::string headers;   // empty: none kept
  std::string response;  // empty: none kept, see empty_response
  bool empty_response = false;
};

// The name of the trace's failure, a foreign one too; empty for none.
std::string_view failure_name(const Trace& trace, const Names& names);

NamedTrace resolve(const Trace& trace, const Names& names);

// The failure that a trace tells of. One of the old system kept no reason: it is as far as its
// status and times say; never sent means no route, no answer is no more than that, and a status is
// a failure where it is one by default.
Failure guess_failure(const NamedTrace& trace);

}  // namespace galileo::wire
