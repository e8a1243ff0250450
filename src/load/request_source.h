// Requests made one by one: each with a path, headers and a body of its own. Who makes them is a
// source, a file and a line of request_sources.def; a Request names it by plain values
// (Request::source). A request without a source is one fixed request, and nothing here is asked.
//
// Two levels. RequestSources is what a group of clients shares in this process: files read once,
// counters, a child process; made on the control thread before the clients begin, asked by all
// loops, and gone after the last of them. RequestSource is one client's part on one loop: made,
// asked and destroyed there.
//
// A turn is what a schedule or a lane makes due: one request, or several in turn (a scenario). Its
// number counts the client's turns over all its loops, so that what a source makes of a number is
// the same for any number of loops; which loop has which number is not for a source to know. A
// source that must see all turns of its client, in order, says so (whole_clients()): such a client
// isn't spread over loops.
//
// How make() ends:
//   kMade    the request is in `into`.
//   kNotYet  there is none yet. The turn waits, in order, and is made once the source has called
//            ClientPlace::ready; it is counted as late by the source's doing, and fails as
//            `not_made` after the request's time-out.
//   kOver    there are no more: the client's workload ends before this turn, which is told.
//   kFailed  the turn fails as `not_made`, for the reason `why`.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "load/workload.h"
#include "wire/http1.h"
#include "wire/redirect.h"
#include "wire/trace.h"

namespace galileo::load {

class Checks;

// One request, as its source has made it. Used again for one request after the other, so that its
// texts keep their memory: a source sets all that it means, and appends to what it has cleared.
struct MadeRequest {
  std::string method = "GET";  // upper case
  std::string path = "/";      // with its query; starts with '/'
  wire::http1::Headers headers;
  std::string body;
  const std::string* shared_body = nullptr;  // in place of `body`; lives as long as the source
  bool has_body = false;                     // of `body`
  std::optional<RequestTerms> terms;         // in place of the group's
  const Checks* checks = nullptr;            // in place of the group's; lives as long as the source
  wire::NameId name = 0;                     // of the step, as ClientPlace::name gave it; 0: none
  std::string why;                           // of kOver and kFailed

  // The body that goes out; null: none.
  const std::string* sent_body() const {
    return shared_body ? shared_body : has_body ? &body : nullptr;
  }
};

enum class Made : unsigned char { kMade, kNotYet, kOver, kFailed };

// What is due. `state` is the source's own: it stays from request to request of a turn.
struct Turn {
  std::uint64_t number = 0;  // of the client's, from 1, over all its loops
  std::uint64_t of_all = 0;  // from 0, over all clients of the group: each number comes once
  std::uint32_t step = 0;    // which of the turn's requests, from 0
  std::uint64_t state = 0;
  Time due{};  // of this request
};

// What came of a request; a view. Headers and body are there where wants_answers().
struct AnswerView {
  wire::Failure failure = wire::Failure::none;  // as the trace has it
  int status = -1;
  const wire::http1::Headers* headers = nullptr;
  std::string_view body;  // decompressed; empty where it can't be
  Time done{};
};

// How a turn goes on after an answer.
struct Then {
  enum class Kind : unsigned char {
    kOver,     // that was its last request
    kGoesOn,   // the next one is due `pause` after this answer
    kGivesUp,  // the rest isn't sent (step_skipped)
  };
  Kind kind = Kind::kOver;
  Duration pause{0};
  // Not none: this answer's request has failed so, whatever its status.
  wire::Failure failure = wire::Failure::none;
  std::string why;  // told of the first that failed so
};

class RequestSource {
 public:
  virtual ~RequestSource() = default;
  virtual Made make(Turn& turn, MadeRequest& into) = 0;
  // Requests of a turn at most: those that aren't sent are counted too.
  virtual std::uint32_t requests_a_turn() const { return 1; }
  // The name of a request that isn't sent, as MadeRequest::name.
  virtual wire::NameId name_of(std::uint32_t /*step*/) const { return 0; }
  // It reads answers: then they are kept for answered(), of at most so many bytes of body.
  virtual std::size_t wants_answers() const { return 0; }
  // After each request of a turn that has several, or where wants_answers().
  virtual Then answered(Turn& /*turn*/, const AnswerView& /*answer*/) { return {}; }
  // The turn ends without answered(): it was stopped, or the rest of it was given up.
  virtual void dropped(Turn& /*turn*/) {}
};

// Whose requests they are, and what a source may ask of its loop. Outlives the source.
struct ClientPlace {
  std::string id;           // "<worker>:<service>:<n>"
  std::uint32_t index = 0;  // among the clients of its group, over all workers
  std::uint32_t of = 1;
  std::uint64_t seed = 0;    // of the run
  std::uint64_t stream = 0;  // of the client: with the seed, its draws
  WallClock wall_clock{};
  // A name for traces; of more than kStepNamesMax the rest is "other". When the source is made.
  std::function<wire::NameId(std::string_view)> name;
  // make() has something now, after kNotYet. On the client's loop, not from within make().
  std::function<void()> ready;
  // Does that on the client's loop, later; from any thread, as long as the source lives.
  std::function<void(std::function<void()>)> post;
};
inline constexpr std::size_t kStepNamesMax = 1'000;

class RequestSources {
 public:
  virtual ~RequestSources() = default;
  // "app 'resnet'": what the summary and the verdict call it.
  virtual std::string name() const = 0;
  // What of its files a person should know, besides what came of the requests: a line each.
  virtual std::vector<std::string> notes() const { return {}; }
  // When its requests are due, since the first of them and in the order of their numbers over all
  // clients, where the source itself knows. Empty: only a schedule says so.
  virtual std::vector<Duration> times() const { return {}; }
  // Each client is asked on one loop only.
  virtual bool whole_clients() const { return false; }
  // So many clients more will come: what takes its time for each is done before this returns. An
  // Error where it can't be. On the control thread.
  virtual Result<void> expect(std::size_t /*clients*/) { return {}; }
  // On the client's loop; called by several loops at the same time.
  virtual std::unique_ptr<RequestSource> of_client(const ClientPlace& place) = 0;
  // No client has it any more: from when this returns nothing of it is posted to a loop. What was
  // posted before runs before it is destroyed. On the control thread.
  virtual void end() {}
};

// What sources came to, by their names.
struct SourceFigures {
  std::uint64_t made = 0;
  std::uint64_t late = 0;  // made after they were due
  Duration late_most{0};
  std::uint64_t failed = 0;
  std::string why_failed;   // the first
  std::uint64_t ended = 0;  // shares of clients whose workload it has ended
  std::string why_ended;    // the first

  void add(const SourceFigures& other);
};
using SourcesFigures = std::map<std::string, SourceFigures>;

#define SOURCE(name, text) \
  Result<std::unique_ptr<RequestSources>> make_##name##_sources(const Request& request);
#include "load/request_sources.def"
#undef SOURCE

// Null for a fixed request. An Error where files can't be read, or there is no such source.
Result<std::unique_ptr<RequestSources>> make_request_sources(const Request& request);

// What is worth a line in a result: sources that ended workloads, and requests that they couldn't
// make.
std::vector<std::string> notes_of(const SourcesFigures& figures);
// Why a result is in doubt: requests that went out late because they weren't made in time.
std::vector<std::string> doubts_of(const SourcesFigures& figures);

}  // namespace galileo::load
