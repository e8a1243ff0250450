// One request to a server, whose answer's body comes in pieces as it arrives: for services that are
// asked now and then, and for streams that don't end. An exchange like any other, over the peer's
// connections; where one that was kept turns out closed, with no byte of an answer, it is sent
// again on another. Lives on its peer's loop.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "net/http_peer.h"
#include "net/http_session.h"
#include "net/timers.h"

namespace galileo::net {

class HttpCall final : private HttpExchange {
 public:
  struct Handlers {
    // A piece of the body, valid during the call; `status` is the answer's.
    std::function<void(int status, std::string_view piece)> on_body;
    // It is over: the answer's status, or why there is none (kUnavailable; `where` is "host:port").
    // The call isn't destroyed from here, but later (by a timer): it still stands on the stack.
    std::function<void(const Result<int>& status)> on_end;
    // The head of the answer is there, once; on_body may never come, and nor may on_end.
    std::function<void(int status)> on_head = {};
  };
  // What has to come within the given time.
  enum class Within : unsigned char {
    kAnswer,  // the whole answer
    kHead,    // its head; its body may take for ever
    kPiece,   // any piece of it, again and again
  };

  // `peer` outlives it.
  HttpCall(HttpPeer& peer, Duration within, Within what);
  ~HttpCall() override;
  HttpCall(const HttpCall&) = delete;
  HttpCall& operator=(const HttpCall&) = delete;

  // Sends `request` (a whole message). Once; on_end may come before this returns.
  void start(std::string request, Handlers handlers);
  // Before start(): it isn't sent again by itself, since the server might do it twice.
  void send_once() { repeatable = false; }
  // Of one that has ended without an answer: it never left, so that the server can't have done it.
  bool never_left() const;
  // Of one that has ended without an answer: TLS had something against it.
  bool failed_by_tls() const { return !why.empty(); }
  // The answer's headers, as far as they have come.
  const wire::http1::Headers& headers() const { return answer_.headers; }

 private:
  friend class HttpPeer;
  void on_piece(std::string_view piece) override;
  void on_done() override;
  void time_out();
  std::string why_failed() const;

  HttpPeer& peer_;
  const Duration within_;
  const Within kind_;
  bool timed_out_ = false;
  bool head_told_ = false;
  bool under_way_ = false;
  Timer timer_;
  std::string request_;
  Handlers handlers_;
  wire::http1::Capture answer_;
};

}  // namespace galileo::net
