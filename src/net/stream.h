// A connection as bytes: what the HTTP client and server see of TCP, and of an in-memory pipe in
// tests. Edge-triggered: a handler is told once that there is something to read and reads until a
// read comes up short. Lives on one loop; owned by its user, who is also its handler.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "wire/trace.h"

namespace galileo::net {

// What happened on a stream since the last call; any of them may hold at once.
struct StreamEvents {
  bool readable = false;
  bool writable = false;  // also: connected
  bool closed = false;    // the peer has ended its side, or the connection failed
};

class StreamHandler {
 public:
  virtual void on_stream(StreamEvents events) = 0;

 protected:
  ~StreamHandler() = default;
};

// What a read or write did: bytes > 0, or why not.
struct Transfer {
  enum class Status : unsigned char { kDone, kWouldBlock, kEnd, kFailed };
  std::size_t bytes = 0;
  Status status = Status::kDone;
  int error = 0;  // errno of kFailed
  // How long the last byte that was read had been with the system; nothing: not known.
  std::optional<Duration> lay = {};
};

// How TLS was agreed on.
struct Handshake {
  Duration took{0};           // once the connection below was made
  bool resumed = false;       // by what an earlier connection had agreed on
  std::string protocol = {};  // of those that were offered (ALPN); empty: none
};

class Stream {
 public:
  virtual ~Stream() = default;
  virtual Transfer read(char* buffer, std::size_t size) = 0;
  virtual Transfer write(std::string_view bytes) = 0;
  // The errno that connecting ended with; 0: connected.
  virtual int connect_error() = 0;
  // What went wrong, for people, where an errno can't say it (EPROTO: TLS's reason); else empty.
  virtual std::string failure() const { return {}; }
  // The same as the reason of a request's failure; none: it isn't TLS's doing.
  virtual wire::Failure tls_failure() const { return wire::Failure::none; }
  // Of a client's that speaks TLS, once it is connected.
  virtual std::optional<Handshake> handshake() const { return std::nullopt; }
  // The end that was read needn't be the peer's: TLS has a goodbye, and there was none.
  virtual bool was_cut() const { return false; }
  // Nothing more will be written: the peer reads an end, and may go on sending.
  virtual void end_writing() {}
  // Ends the connection at once, unsent bytes are dropped and the peer sees a reset.
  virtual void abort() = 0;
};

}  // namespace galileo::net
