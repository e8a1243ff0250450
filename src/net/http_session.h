// A connection as its protocol sees it: requests out, answers in. A protocol is a file with a
// session of its own (http1_session; http2_session, with several exchanges at once).
//
// Who owns what: the pool (http_pool) owns the connection with its Stream, hears what happens on
// it, and keeps places, deadlines and retries; the session owns the state of its protocol: the
// parser, and what has been written of which exchange. It calls nobody back but an exchange that
// takes its answer in pieces: each call gives an Outcome, and the pool does what that asks for. No
// call blocks, and HTTP/1.1 allocates nothing for an exchange. Lives on its connection's loop.
//
// The gateway has its own connections in place of the pool's: what it passes on may wait for its
// client in the middle, and goes to a target that it has chosen with limits of its own.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/clock.h"
#include "net/deadlines.h"
#include "net/outlet.h"
#include "net/stream.h"
#include "wire/http1.h"
#include "wire/http2_request.h"
#include "wire/trace.h"

namespace galileo::net {

class HttpPool;
class HttpConnection;
class HttpTarget;

enum class HttpProtocol : std::uint8_t { kNone, kHttp1, kHttp2 };

// How a target is spoken to. What isn't set is HTTP/1.1, over connections that are kept.
struct HttpWay {
  enum class Speaks : std::uint8_t {
    kHttp1,
    kAgreed,  // HTTP/2 where TLS has agreed on it (ALPN), else HTTP/1.1
    kHttp2,   // whatever was agreed on, also without TLS
  };
  Speaks speaks = Speaks::kHttp1;
  bool closes = false;  // a connection of its own for each exchange
  // Of HTTP/2. Exchanges on a connection at once, at most; 0: as many as the server takes.
  std::uint32_t streams = 0;
  // Connections at most, which share the exchanges evenly; 0: another one when all are full.
  std::uint32_t connections = 0;

  auto operator<=>(const HttpWay&) const = default;
};

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
  HttpExchange() = default;
  virtual ~HttpExchange() = default;
  // The exchange is over: `failure` is none where the answer is complete, whatever its status. The
  // connection is free again; sending from here is fine.
  virtual void on_done() = 0;
  // Where `in_pieces` is set, after each read that held bytes of the answer: the body among them,
  // valid during the call; `status` is set once the head is there. It may abandon the exchange.
  virtual void on_piece(std::string_view /*body*/) {}

  std::string_view bytes;  // the request, as HTTP/1.1 has it
  // The same as HTTP/2 has it, where that was made ahead: kept as long as `bytes`. Null: a session
  // of HTTP/2 takes `bytes` apart itself.
  const wire::Http2Request* ahead = nullptr;
  bool expects_no_body = false;  // a HEAD request
  bool repeatable = false;       // safe to send again when an idle connection turns out closed
  bool want_redirect = false;    // keep the headers Location and Set-Cookie
  Duration timeout{};            // for a connection to become free, then to the end of the answer
  const HttpBounds* bounds = nullptr;       // kept until on_done(); null: the pool's
  wire::http1::Capture* capture = nullptr;  // null: keep nothing of the answer
  bool in_pieces = false;                   // then `capture` holds one piece of the body at a time
  const bool passes = false;                // it is an HttpPassage

  wire::Failure failure = wire::Failure::none;
  int error = 0;    // the system's, where the failure is of connecting, writing or reading
  std::string why;  // what TLS or HTTP/2 says of it
  int status = -1;
  bool retried = false;
  HttpProtocol protocol = HttpProtocol::kNone;  // of the connection that took it
  Time asked{};                                 // send() was called
  Time dispatched{};   // a connection was chosen or begun; kNever: none was
  Time sent = kNever;  // the first byte was written; of a failed connect, the attempt
  Time first_byte = kNever;
  Time done{};
  Duration handshake = kNoDuration;  // TLS's, of the connection that was made for it
  // How long the end of the answer lay with the system before it was read; 0: not known.
  Duration read_late{0};
  // How long all connections, or the streams of all, were taken; none: there was a place.
  Duration queued = kNoDuration;
  std::uint64_t frame_bytes = 0;  // of HTTP/2's frames, as far as they were made
  std::uint64_t response_bytes = 0;
  std::string location;
  std::vector<std::string> set_cookies;

  // It isn't sent yet: it waits for a connection to become free.
  bool waiting() const { return waiting_; }

 protected:
  explicit HttpExchange(bool is_passage) : passes(is_passage) {}

 private:
  friend class HttpPool;
  friend class HttpConnection;
  friend class Http2Session;
  struct Wait final : Deadline {
    HttpExchange* exchange = nullptr;
  } deadline_;
  HttpTarget* target_ = nullptr;
  HttpConnection* connection_ = nullptr;
  void* stream_ = nullptr;  // its session's
  bool waiting_ = false;    // then in the pool's list of those without a connection
  Time waiting_since_{};
  HttpExchange* waiting_before_ = nullptr;
  HttpExchange* waiting_after_ = nullptr;
};

// An exchange whose messages are passed on while they come, for who stands between a client and its
// server: the request is given in pieces, the answer taken in pieces, both with their framing as
// HTTP/1.1 has it. Its user asks the session to read only while it takes more: so an answer waits
// for its reader. `bytes` is empty, no times are taken, and on_done() is its user's to call.
class HttpPassage : public HttpExchange {
 public:
  struct Answer {
    std::string_view reason;
    bool chunked = false;
    bool until_close = false;  // the connection's end is the body's
  };

  HttpPassage() : HttpExchange(true) {}
  // Takes the lines of the answer's head, and is told of interim answers.
  virtual wire::http1::HeaderSink& headers() = 0;
  // The head is there, and `status`. With a `capture` set from here, which wants a body, on_bytes()
  // gets the body without its framing. After 101 all bytes are another protocol's, both ways. It
  // may drop the exchange, as the next call may.
  virtual void on_head(const Answer& answer) = 0;
  // What follows the head, valid during the call.
  virtual void on_bytes(std::string_view bytes) = 0;

  // What of the request isn't out. Begin with an empty one: then what is added leaves with the next
  // on_writable(), in one write.
  Outlet request;
  bool request_is_whole = false;  // nothing will be added to it
};

class HttpSession {
 public:
  // What a call has come to.
  struct Outcome {
    enum class Kind : std::uint8_t {
      kGoesOn,       // nothing to do
      kAnswered,     // `exchange` has its answer, and is no longer the session's
      kBroken,       // the connection is of no more use, by `failure`
      kReadFirst,    // it can't be written to; an answer may have come before that, so read to the
                     // end
      kFailed,       // `exchange` has ended by `failure`, and is no longer the session's
      kUnprocessed,  // the same, and the server has done nothing of it: it may be sent again
    };
    Kind kind = Kind::kGoesOn;
    wire::Failure failure = wire::Failure::none;
    bool more = false;  // there may be more, so it is to be called again
    HttpExchange* exchange = nullptr;
    bool at_hand = false;  // nothing was read for this one
  };

  virtual ~HttpSession() = default;
  // Another exchange may begin now.
  virtual bool can_take() const = 0;
  // One of those that are under way; null: it is idle.
  virtual HttpExchange* under_way() const = 0;
  // Begins the exchange, where can_take(); writes what goes at once.
  virtual Outcome begin(HttpExchange& exchange, const wire::http1::Limits& answer) = 0;
  virtual Outcome on_writable() = 0;
  // More of the request of a passage that is under way. What is large goes at once and uncopied,
  // the rest with the next on_writable(), which also tells of a failure.
  virtual void pass(HttpPassage& passage, std::string_view bytes) = 0;
  // One read, and what it held. `closed`: the peer has ended its side. Of several answers that came
  // at once each call gives one, and says that there is more.
  virtual Outcome on_readable(bool closed) = 0;
  // Forgets the exchange; how much of its answer had been read. Where can_take() is false then, the
  // connection can carry no other.
  virtual std::uint64_t drop(HttpExchange& exchange) = 0;

  virtual HttpProtocol protocol() const = 0;
  // Several exchanges at once. Then begin() and on_readable() write nothing: on_writable() is to
  // follow, once for all that a turn has begun.
  virtual bool shares() const { return false; }
  // Adds all that are under way.
  virtual void list_under_way(std::vector<HttpExchange*>& list) const {
    if (HttpExchange* const one = under_way()) list.push_back(one);
  }
  // Takes no exchange any more; those under way go on.
  virtual void retire() {}
  // It takes none any more, for good.
  virtual bool retired() const { return !can_take(); }
  // Something was read since the exchange, which is under way, began.
  virtual bool heard_since(const HttpExchange& exchange) const {
    return exchange.first_byte != kNever;
  }
};

// The session of a new connection, of the protocol that its peer speaks; stream, clock and buffer
// outlive it. Reads go to `buffer`, shared by the sessions of a loop.
std::unique_ptr<HttpSession> make_http_session(Stream& stream, const Clock& clock,
                                               std::span<char> buffer, const HttpWay& way = {});

}  // namespace galileo::net
