// One client of an HttpServer: requests in, answers out, kept alive, pipelined requests one after
// the other. Lives on its server's loop; made and destroyed by its server, found there by its id.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "net/deadlines.h"
#include "net/outlet.h"
#include "net/tcp.h"
#include "wire/http1.h"

namespace galileo::net {

class HttpServer;

class ServerConnection final : private StreamHandler, private wire::http1::HeaderSink {
 public:
  ServerConnection(HttpServer& server, std::uint64_t id, const Address& peer);

  std::uint64_t id() const { return id_; }
  const Address& peer() const { return peer_; }

  // The current request; valid from HttpService::on_head() until it is answered.
  const std::string& method() const { return parser_.method(); }
  const std::string& target() const { return parser_.target(); }
  std::uint64_t body_bytes() const { return parser_.body_bytes(); }
  bool keep_alive() const;
  // These are empty unless the server keeps requests.
  const wire::http1::Headers& headers() const { return kept_.headers; }
  const std::string& body() const { return kept_.body; }
  // The first header of that name, whatever its case; null: there is none.
  const std::string* header(std::string_view name) const;

  // In on_head(): the body of this request is so long at most; a longer one is refused with 413.
  void bound_body(std::uint64_t bytes_max);

  // Answers the current request with a whole message (wire::http1::serialize_response). Then the
  // connection goes on to the next request, or closes where keep_alive() is false. In on_head() it
  // is a refusal: the body is read and dropped, for some time, and the connection closes.
  void answer(std::string_view message);
  // The same of its parts.
  void respond(int status, const wire::http1::Headers& headers, std::string_view body);

  // An answer that is made piece by piece: begin(), any number of send(), and end() when it is
  // whole. What the client doesn't take at once is kept (unsent()); the service hears when all of
  // it is out, and should wait for that.
  void begin(int status, const wire::http1::Headers& headers);
  void send(std::string_view piece);
  void end();
  std::size_t unsent() const { return out_.size(); }

  // Ends the connection without more words; the client of an answer that isn't whole sees that.
  void close();

 private:
  friend class HttpServer;

  enum class State : unsigned char {
    kIdle,       // between two requests
    kHead,       // a request's head has begun
    kAdmitting,  // the head is there, and the service is asked about it
    kBody,
    kAnswering,  // the request waits for its answer
    kStreaming,  // and has a part of it
    kLeaving,    // refused: what still comes is dropped
    kClosed,
  };
  // Which time runs.
  enum class Wait : unsigned char { kNothing, kNext, kHead, kBody, kWriting, kLeaving };
  struct Waiting final : Deadline {
    explicit Waiting(ServerConnection& it) : connection(it) {}
    ServerConnection& connection;
  };

  void on_stream(StreamEvents events) override;
  void on_head() override {}
  void on_header(std::string_view, std::string_view) override {}
  void read();
  void take(std::string_view bytes);
  void take_some(std::string_view& bytes);
  bool admit();
  void expect_request();
  void answered();
  void refuse(int status, wire::http1::Headers headers = {});
  void leave();
  void flush();
  bool is_reading() const { return state_ <= State::kBody; }
  void wait_for(Wait what);
  void watch_writing();
  void on_late(Wait what);

  HttpServer& server_;
  const std::uint64_t id_;
  const Address peer_;
  std::unique_ptr<Stream> stream_;
  wire::http1::RequestParser parser_;
  wire::http1::Capture kept_;
  std::string unread_;  // requests sent before the last one was answered
  Outlet out_;          // what the socket didn't take at once
  State state_ = State::kIdle;
  Wait wait_ = Wait::kNothing;
  bool chunked_ = false;          // the answer under way
  bool bodiless_ = false;         // it answers HEAD
  bool last_ = false;             // the connection closes once all is out
  std::uint64_t seen_bytes_ = 0;  // of the body, or dropped, when the time began to run
  std::uint64_t dropped_ = 0;
  Waiting waiting_{*this};
};

}  // namespace galileo::net
