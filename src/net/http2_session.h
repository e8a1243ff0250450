// HTTP/2 on one connection: many exchanges at once, each a stream. nghttp2 turns bytes into frames
// and back, and knows the rules; it sees no socket. What is begun, acknowledged or reset is kept
// until on_writable(), so that a turn of the loop writes once.
//
// Places: as many streams as the user wants at most and the server allows at the moment (100 until
// it has said so, which isn't waited for). retired() once the server goes (GOAWAY) or the numbers
// of streams are used up: those under way go on.
//
// Ends. A stream that the server says it hasn't looked at (REFUSED_STREAM, above GOAWAY's last
// number) is kUnprocessed; one that it resets is kFailed by what it says; what breaks the
// connection breaks all exchanges under way, `why` saying who decided it and how. A peer that sends
// frames without end which lead nowhere (PING, SETTINGS, empty DATA, CONTINUATION, ...) is left
// after kIdleFramesMax of them.
//
// A dropped exchange's stream is reset, and what the server sends of it all the same is still
// credited to the connection's window. Exchanges in pieces and passages are HTTP/1.1's alone.
#pragma once

#include "net/http_session.h"

struct nghttp2_session;

namespace galileo::net {

class Http2Session final : public HttpSession {
 public:
  // Of one second without anything else.
  static constexpr std::uint32_t kIdleFramesMax = 10'000;
  // Of frames of no known type, without anything else.
  static constexpr std::size_t kUnknownBytesMax = std::size_t{1} << 20;

  struct Settings {
    std::string_view scheme = "http";  // a literal
    std::uint32_t streams_max = 0;     // at once; 0: as many as the server takes
  };

  // Stream, clock and buffer outlive it; `buffer` is where reads go.
  Http2Session(Stream& stream, const Clock& clock, std::span<char> buffer,
               const Settings& settings);
  ~Http2Session() override;

  bool can_take() const override;
  HttpExchange* under_way() const override;
  void list_under_way(std::vector<HttpExchange*>& list) const override;
  Outcome begin(HttpExchange& exchange, const wire::http1::Limits& answer) override;
  Outcome on_writable() override;
  void pass(HttpPassage& passage, std::string_view bytes) override;
  Outcome on_readable(bool closed) override;
  std::uint64_t drop(HttpExchange& exchange) override;
  HttpProtocol protocol() const override { return HttpProtocol::kHttp2; }
  bool shares() const override { return true; }
  void retire() override { retired_ = true; }
  bool retired() const override { return retired_; }
  bool heard_since(const HttpExchange& exchange) const override;

 private:
  struct Callbacks;  // nghttp2's
  struct Running;    // an exchange with its stream
  struct Library {
    void operator()(nghttp2_session* session) const;
  };
  // Who said it, and what.
  struct Verdict {
    wire::Failure failure = wire::Failure::none;
    std::string why;
  };

  Running& new_running(HttpExchange& exchange, const wire::http1::Limits& answer);
  std::int32_t submit(const wire::Http2Request& request, Running& running);
  void forget(Running& running);
  void leave(Running& running, Outcome::Kind kind, wire::Failure failure);
  void closed(Running& running, std::uint32_t code);
  bool window_is_shut(std::int32_t stream) const;
  void gather();
  void stamp();
  Outcome nothing_written() const;
  Outcome write_failed();
  Outcome next_ended();
  void feed(std::string_view bytes);
  bool begins_as_http2(std::string_view bytes);
  bool frame_begins(std::int32_t stream, std::uint8_t type, std::size_t length);
  void goes_away(std::uint32_t code, std::string_view words);
  void says_goodbye(std::uint32_t code);
  Verdict verdict_of(int library_error) const;
  void break_by(Verdict verdict);
  Outcome tell_broken();

  Stream& stream_;
  const Clock& clock_;
  const std::span<char> buffer_;
  const Settings settings_;
  std::unique_ptr<nghttp2_session, Library> library_;
  std::vector<std::unique_ptr<Running>> made_;
  std::vector<Running*> free_;
  std::vector<Running*> under_way_;  // in no order; each knows its place
  std::uint32_t streams_allowed_ = 100;
  bool retired_ = false;

  // Ends that the pool hasn't been told of.
  std::vector<Outcome> ended_;
  std::size_t ended_told_ = 0;
  bool reads_on_ = false;  // when all are told
  bool is_broken_ = false;
  Verdict broken_;
  int error_ = 0;

  // Writing.
  std::string out_;
  std::size_t out_begin_ = 0;  // what is before it is out
  struct Stamp {
    std::size_t end = 0;  // of its HEADERS, in out_
    Running* running = nullptr;
    std::int32_t stream = 0;
  };
  std::vector<Stamp> unstamped_;
  wire::Http2Request taken_apart_;  // of exchanges that haven't done it ahead

  // Reading.
  Time now_{};       // when the bytes at hand were read
  Duration lay_{0};  // how long they had been there
  std::uint64_t heard_ = 0;
  std::string first_bytes_;
  std::size_t unknown_bytes_ = 0;  // in a row: of frames that nghttp2 passes over in silence
  bool said_something_ = false;    // what was read last isn't all of them
  std::uint32_t idle_frames_ = 0;
  Time idle_since_{};
  bool is_flood_ = false;
  std::string complaint_;         // the library's last one
  Verdict verdict_;               // by which GOAWAY says that the connection ends
  bool verdict_is_ours_ = false;  // else the server's
  Running* last_ = nullptr;       // the stream of the last frame
  std::int32_t last_stream_ = 0;
};

}  // namespace galileo::net
