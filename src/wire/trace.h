// What happened to one request. The load engine makes a Trace for each request that was due, sent
// or not, and puts it into a sink; the spool keeps it, the summary counts it, a store stores it.
// Plain values; times are wall clock, kNoWall where a thing didn't happen.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "wire/trace_context.h"

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

// Most of its members are those of trace_fields.def, where they are explained.
struct Trace {
#define TRACE_NAME(member, ...) NameId member = 0;
#include "wire/trace_fields.def"
  NameId id_prefix = 0;  // the first part of the request id, 10 characters, one a client
#define TRACE_CODE(member, ...) std::int32_t member = -1;
#include "wire/trace_fields.def"
  Failure failure = Failure::none;
  bool closed_loop = false;     // sent because a connection was free; there was no intended time
  bool empty_response = false;  // an answer was kept, and it is empty: not the same as none
  bool retried = false;  // sent a second time, unseen, after an idle connection had been closed
  // A reason that failures.def doesn't have, as another version may have stored it; `failure` is
  // none then.
  NameId foreign_failure = 0;
  // Counts the client's requests from 1; 0: a foreign id, which id_prefix holds as a whole.
  std::uint64_t number = 0;
#define TRACE_TIME(member, ...) Wall member = kNoWall;
#define TRACE_DURATION(member, ...) Duration member = kNoDuration;
#define TRACE_COUNT(member, ...) std::uint64_t member = 0;
#define TRACE_HEX_ID(member, ...) TraceId member;
#include "wire/trace_fields.def"
  // The texts are valid during Sink::put.
#define TRACE_HEADERS(member, ...) std::string_view member;
#define TRACE_RESPONSE(member, ...) std::string_view member;
#include "wire/trace_fields.def"

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

// A trace with its names resolved. Text is std::string, or std::string_view where the texts are
// somebody else's.
template <class Text>
struct TraceRow {
#define TRACE_ID(member, ...) Text member;
#define TRACE_NAME(member, ...) Text member;
#define TRACE_TIME(member, ...) Wall member = kNoWall;
#define TRACE_INTENDED(member, ...) Wall member = kNoWall;
#define TRACE_DURATION(member, ...) Duration member = kNoDuration;
#define TRACE_CODE(member, ...) std::int32_t member = -1;
#define TRACE_COUNT(member, ...) std::uint64_t member = 0;
#define TRACE_FAILURE(member, ...) Text member;
#define TRACE_HEADERS(member, ...) Text member;
#define TRACE_RESPONSE(member, ...) Text member;
#define TRACE_HEX_ID(member, ...) TraceId member;
#include "wire/trace_fields.def"
  bool empty_response = false;  // an answer was kept, and it is empty: not the same as none
};

// What stores hand out and the bus carries (docs/wire/).
struct NamedTrace : TraceRow<std::string> {};

// The name of the trace's failure, a foreign one too; empty for none.
std::string_view failure_name(const Trace& trace, const Names& names);

NamedTrace resolve(const Trace& trace, const Names& names);

// The failure that a trace tells of. One of the old system kept no reason: it is as far as its
// status and times say; never sent means no route, no answer is no more than that, and a status is
// a failure where it is one by default.
Failure guess_failure(const NamedTrace& trace);

}  // namespace galileo::wire
