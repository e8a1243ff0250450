// A connection as its protocol sees it: requests out, answers in. A protocol is a file with a
// session of its own (http1_session; HTTP/2 will be another, with several exchanges at once).
//
// Who owns what: the pool (http_pool) owns the connection with its Stream, hears what happens on
// it, and keeps places, deadlines and retries; the session owns the state of its protocol: the
// parser, and what has been written of which exchange. It calls nobody back but an exchange that
// takes its body in pieces: each call gives an Outcome, and the pool does what that asks for. No
// call blocks, nothing is allocated for an exchange. Lives on its connection's loop.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/clock.h"
#include "net/deadlines.h"
#include "net/stream.h"
#include "wire/http1.h"
#include "wire/trace.h"

namespace galileo::net {

class HttpPool;
class HttpConnection;
class HttpTarget;

// The time-out of a request that its user ends.
inline constexpr Duration kNoTimeout = Duration::max();

// What its user may say of a request beside its time-out.
struct HttpBounds {
  Duration connect_timeout = std::chrono::seconds{10};
  wire::http1::Limits answer;
};

// One request and what came of it. The user sets the first part, calls HttpPool::send(), and must
// keep the object and `bytes` until on_done() or HttpPool::abandon().
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;
  // The exchange is over: `failure` is none where the answer is complete, whatever its status. The
  // connection is free again; sending from here is fine.
  virtual void on_done() = 0;
  // Where `in_pieces` is set, after each read that held bytes of the answer: the body among them,
  // valid during the call; `status` is set once the head is there. It may abandon the exchange.
  virtual void on_piece(std::string_view /*body*/) {}

  std::string_view bytes;        // the request
  bool expects_no_body = false;  // a HEAD request
  bool repeatable = false;       // safe to send again when an idle connection turns out closed
  bool want_redirect = false;    // keep the headers Location and Set-Cookie
  Duration timeout{};            // for a connection to become free, then to the end of the answer
  const HttpBounds* bounds = nullptr;       // kept until on_done(); null: the pool's
  wire::http1::Capture* capture = nullptr;  // null: keep nothing of the answer
  bool in_pieces = false;                   // then `capture` holds one piece of the body at a time

  wire::Failure failure = wire::Failure::none;
  int error = 0;    // the system's, where the failure is of connecting, writing or reading
  std::string why;  // what TLS says of it
  int status = -1;
  bool retried = false;
  Time asked{};        // send() was called
  Time dispatched{};   // a connection was chosen or begun; kNever: none was
  Time sent = kNever;  // the first byte was written; of a failed connect, the attempt
  Time first_byte = kNever;
  Time done{};
  // How long the end of the answer lay with the system before it was read; 0: not known.
  Duration read_late{0};
  std::uint64_t response_bytes = 0;
  std::string location;
  std::vector<std::string> set_cookies;

  // It isn't sent yet: it waits for a connection to become free.
  bool waiting() const { return waiting_; }

 private:
  friend class HttpPool;
  friend class HttpConnection;
  struct Wait final : Deadline {
    HttpExchange* exchange = nullptr;
  } deadline_;
  HttpTarget* target_ = nullptr;
  HttpConnection* connection_ = nullptr;
  bool waiting_ = false;  // then in the pool's list of those without a connection
  HttpExchange* waiting_before_ = nullptr;
  HttpExchange* waiting_after_ = nullptr;
};

class HttpSession {
 public:
  // What a call has come to.
  struct Outcome {
    enum class Kind : std::uint8_t {
      kGoesOn,     // nothing to do
      kAnswered,   // `exchange` has its answer, and is no longer the session's
      kBroken,     // the connection is of no more use, by `failure`
      kReadFirst,  // it can't be written to; an answer may have come before that, so read to the
                   // end
    };
    Kind kind = Kind::kGoesOn;
    wire::Failure failure = wire::Failure::none;
    bool more = false;  // of on_readable(): there may be more, so it is to be called again
    HttpExchange* exchange = nullptr;
  };

  virtual ~HttpSession() = default;
  // Another exchange may begin now.
  virtual bool can_take() const = 0;
  // One of those that are under way; null: it is idle.
  virtual HttpExchange* under_way() const = 0;
  // Begins the exchange, where can_take(); writes what goes at once.
  virtual Outcome begin(HttpExchange& exchange, const wire::http1::Limits& answer) = 0;
  virtual Outcome on_writable() = 0;
  // One read, and what it held. `closed`: the peer has ended its side. Of several answers that came
  // at once each call gives one, and says that there is more.
  virtual Outcome on_readable(bool closed) = 0;
  // Forgets the exchange; how much of its answer had been read. Where can_take() is false then, the
  // connection can carry no other.
  virtual std::uint64_t drop(HttpExchange& exchange) = 0;
};

}  // namespace galileo::net
