// A request under way: what was asked for, where it went, and what its trace will say. Made by the
// Dispatcher, used again for another when it is over; nothing is allocated a request. Lives on its
// loop.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "load/request_source.h"
#include "load/routing.h"
#include "load/trace_sink.h"
#include "net/http_pool.h"
#include "net/timers.h"
#include "wire/redirect.h"

namespace galileo::load {

class Client;
class Dispatcher;

class Sending final : public net::HttpExchange {
 public:
  static constexpr std::uint32_t kNoLane = static_cast<std::uint32_t>(-1);

  explicit Sending(Dispatcher& dispatcher);
  void on_done() override;

  // Forgets the last request.
  void begin(Client& of, std::uint64_t its_number, Time due, std::uint32_t of_lane);
  // How it is sent and judged: as its source says of it alone, or as its group is.
  const RequestTerms& terms() const;
  // Its source has made it, and may have said such terms.
  void take_terms();
  // What it asks, as redirects take it: what its source has made, or its group's.
  wire::RequestParts parts() const;
  const std::string& path() const;
  // What is kept of the answer's headers, as a JSON object.
  std::string headers_json() const;
  // The type of the answer's body, empty where it doesn't say.
  std::string_view content_type() const { return header("content-type"); }
  // The first header of that name that is kept; empty where there is none.
  std::string_view header(std::string_view name) const;

  Client* client = nullptr;    // null: not in use
  std::uint32_t workload = 0;  // of the client's, which of them it belongs to
  std::uint32_t lane = kNoLane;
  std::uint64_t number = 0;
  // Of a client with a source.
  enum class Held : unsigned char { kNot, kUnmade, kPausing };
  Held held = Held::kNot;             // it isn't asked yet: its source has nothing, or thinks
  Turn turn;                          // stays from request to request of a turn
  std::unique_ptr<MadeRequest> made;  // used again
  std::string rendered;               // of `made`, for the host that was chosen
  std::string identified;             // with what its client adds, where it adds something
  std::string traced;                 // with its traceparent, where it has one of ours
  std::uint32_t challenges = 0;       // of this hop, that were answered
  wire::NameId step = 0;              // its name in the trace
  const Checks* checks = nullptr;     // of its answer; null: none
  wire::NameId failed_check = 0;
  wire::TraceId trace_id;   // none: it says nothing of a trace that could be read
  bool adds_trace = false;  // it hasn't said so itself
  std::string decoded;      // its answer's body, where that was compressed and is looked at
  Time created{};
  Routing* routing = nullptr;  // where it began
  std::size_t host = 0;        // index among the routing's destinations
  bool chosen = false;         // a policy chose `host` and must hear of the end
  wire::NameId server = 0;
  std::uint64_t request_bytes = 0;  // bytes of all hops' requests
  Time first_dispatched = kNever;   // of the first of several redirected requests
  Time first_sent = kNever;
  Time first_asked = kNever;
  std::uint32_t redirects_max = 0;  // as the workload has it that it belongs to; and so these
  bool keep_headers = false;
  std::uint32_t keep_response = 0;
  bool keep_only_failed = false;
  wire::Redirect redirect;
  // Set where there is more than one hop, since the time-out is for all of them, and while it is
  // held.
  net::Timer hops_end;
  struct Before {
    std::uint64_t response_bytes = 0;
    Duration read_late{0};
    bool retried = false;
    Time first_byte = kNever;
    Duration handshake = kNoDuration;
    Duration queued = kNoDuration;
    int status = -1;  // of the last one
    bool any = false;
  } before;  // what hops that are over came to
  wire::http1::Capture captured;

 private:
  void read_answer();

  Dispatcher& dispatcher_;
};

}  // namespace galileo::load
