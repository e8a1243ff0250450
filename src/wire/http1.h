// HTTP/1.1 as bytes (RFC 9112): a request made into bytes, and incremental parsers of answers and
// requests. They take whatever the network gave, in pieces of any size, and never look at a byte
// twice; nothing is copied unless asked for (Capture) or a line is cut between two pieces.
// Passive: no socket, no clock. A parser belongs to its connection and is used again for each
// message.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace galileo::wire::http1 {

using Headers = std::vector<std::pair<std::string, std::string>>;

// Why a message can't be read any further.
enum class Problem : std::uint8_t { none, malformed, head_too_large, body_too_large, cut };

struct Limits {
  std::uint32_t head_max = 64 * 1024;  // bytes of start line and headers (and trailers)
  std::uint64_t body_max = std::uint64_t{1} << 30;  // bytes of body
  // What passes messages on sets it: whatever two programs could read in two ways is malformed.
  // That is lines that don't end with CR LF, folded headers, control characters, names that aren't
  // tokens, a length said twice or beside chunks, chunk extensions of requests, other codings than
  // chunked, no Host, several, or one that can't be a host; targets that don't start with '/' (but
  // "*") or have a fragment.
  bool strict = false;
};

// Takes the headers of a message one by one as they are read, for who passes it on.
class HeaderSink {
 public:
  // A head begins: what was taken before belonged to an interim answer.
  virtual void on_head() = 0;
  // Valid during the call; the value is without blanks around it.
  virtual void on_header(std::string_view name, std::string_view value) = 0;
  // What was taken is an interim answer's (1xx but 101); the parser goes on to the next head.
  virtual void on_interim(int /*status*/) {}

 protected:
  ~HeaderSink() = default;
};

// What a caller may want to keep of a message, filled while it is parsed.
struct Capture {
  bool want_headers = false;
  std::size_t want_body = 0;  // at most that many bytes
  Headers headers;
  std::string body;
  void clear() {
    headers.clear();
    body.clear();
  }
};

// Reads the parts that requests and answers share: header lines, then a body framed by
// Content-Length, chunks or the end of the connection. The two parsers below add the start line.
class MessageReader {
 public:
  bool done() const { return phase_ == Phase::kDone; }
  // The head has been read; what follows is the body with its framing.
  bool head_done() const { return phase_ > Phase::kHeaders && phase_ != Phase::kFailed; }
  bool failed() const { return phase_ == Phase::kFailed; }
  Problem problem() const { return problem_; }
  // The connection may carry another message after this one. Valid when done().
  bool keep_alive() const { return keep_alive_; }
  // Bytes of this message so far, head and body with its framing.
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t body_bytes() const { return body_bytes_; }
  // The header Location and each Set-Cookie, where `want_redirect` was set.
  const std::string& location() const { return location_; }
  const std::vector<std::string>& set_cookies() const { return set_cookies_; }
  void want_redirect(bool want) { want_redirect_ = want; }
  // Bounds the messages that begin from here on.
  void bound_by(const Limits& limits) { limits_ = limits; }
  // Kept until replaced; null: nothing is captured. Cleared by the caller.
  void capture_into(Capture* capture) { capture_ = capture; }
  // Kept until replaced; null: nobody takes them. With a sink feed() takes no more than the head in
  // one call, so that its user sees where the body begins.
  void headers_into(HeaderSink* sink) { sink_ = sink; }
  bool chunked() const { return chunked_; }
  bool has_length() const { return has_length_; }
  std::uint64_t length() const { return length_; }  // Content-Length, where it has one
  // The end of the connection ends the body.
  bool until_close() const { return until_close_; }
  int minor_version() const { return minor_version_; }  // of HTTP/1

 protected:
  explicit MessageReader(const Limits& limits) : limits_(limits) {}
  virtual ~MessageReader() = default;
  MessageReader(const MessageReader&) = default;
  MessageReader& operator=(const MessageReader&) = default;

  enum class Phase : std::uint8_t {
    kStart,       // waits for the start line
    kHeaders,     // header lines
    kLength,      // body of known length
    kUntilClose,  // body that the end of the connection ends
    kChunkSize,   // line with the size of a chunk
    kChunkData,
    kChunkEnd,  // the line end after a chunk's data
    kTrailers,  // header lines after the last chunk
    kDone,
    kFailed,
  };

  // Both return false (after fail()) when the message can't be.
  virtual bool start_line(std::string_view line) = 0;
  virtual void headers_complete() = 0;  // sets the phase that follows

  void reset();
  std::size_t feed_bytes(std::string_view bytes);
  void finish_bytes();  // the peer closed
  void fail(Problem problem);
  void forget_headers();
  void begin_body(bool answer);  // chooses the phase by the framing headers
  void end_message() { phase_ = Phase::kDone; }

  Limits limits_;
  std::uint32_t head_bytes_ = 0;  // of the head so far, or of the line between chunks

  Phase phase_ = Phase::kStart;
  int minor_version_ = 1;
  bool chunked_ = false;
  bool other_coding_ = false;  // a transfer coding other than chunked comes last
  bool has_length_ = false;
  bool close_ = false;
  bool keep_alive_header_ = false;
  bool keep_alive_ = false;
  bool expects_continue_ = false;
  bool until_close_ = false;
  bool takes_extensions_ = false;  // of chunks, however strict
  int hosts_ = 0;                  // Host headers
  std::uint64_t length_ = 0;
  HeaderSink* sink_ = nullptr;

 private:
  bool line(std::string_view text);
  bool header(std::string_view text);
  bool framing_header(std::string_view name, std::string_view value);
  bool length_header(std::string_view value);
  bool coding_header(std::string_view value);
  void connection_header(std::string_view value);
  bool chunk_size(std::string_view text);
  std::size_t body(std::string_view bytes);
  std::size_t take_line(std::string_view bytes);

  Problem problem_ = Problem::none;
  bool want_redirect_ = false;
  bool last_was_framing_ = false;
  std::uint64_t bytes_ = 0;
  std::uint64_t body_bytes_ = 0;
  std::uint64_t remaining_ = 0;  // of the body or the chunk
  std::string partial_;          // a line that the pieces cut
  std::string location_;
  std::vector<std::string> set_cookies_;
  Capture* capture_ = nullptr;
};

// Reads one answer after the other. Interim answers (1xx but 101) are skipped.
class ResponseParser : public MessageReader {
 public:
  explicit ResponseParser(const Limits& limits = {}) : MessageReader(limits) {
    takes_extensions_ = true;
  }

  // Begins the next answer; the answer to HEAD has no body whatever its headers say.
  void start(bool answers_head);
  // Takes bytes and says how many belong to this answer: fewer than given only when done() or
  // failed().
  std::size_t feed(std::string_view bytes) { return feed_bytes(bytes); }
  // The peer closed the connection: ends a body that has no other end, fails any other.
  void finish() { finish_bytes(); }
  int status() const { return status_; }
  const std::string& reason() const { return reason_; }  // as it was said

 private:
  bool start_line(std::string_view line) override;
  void headers_complete() override;

  int status_ = -1;
  std::string reason_;
  bool answers_head_ = false;
};

// Reads one request after the other.
class RequestParser : public MessageReader {
 public:
  explicit RequestParser(const Limits& limits = {}) : MessageReader(limits) {}

  void start();
  std::size_t feed(std::string_view bytes) { return feed_bytes(bytes); }
  void finish() { finish_bytes(); }
  const std::string& method() const { return method_; }
  const std::string& target() const { return target_; }
  bool expects_continue() const { return expects_continue_; }

 private:
  bool start_line(std::string_view line) override;
  void headers_complete() override;

  std::string method_;
  std::string target_;
};

// RFC 9110, 5.6.2: a method, a header's name.
bool is_token(std::string_view text);

// A header's value holds no control character but tabs.
bool is_header_value(std::string_view text);

// A request as bytes. Host, Content-Length, User-Agent and Accept are added where `headers` have
// none; `connection_close` adds that header.
std::string serialize_request(std::string_view method, std::string_view path, std::string_view host,
                              const Headers& headers, const std::string* body,
                              bool connection_close);

// The same, to a host that is asked again and again: into `out`, whose memory is used again.
void serialize_request_into(std::string& out, std::string_view method, std::string_view path,
                            std::string_view host, const Headers& headers, const std::string* body,
                            bool connection_close);

// A whole answer as bytes.
std::string serialize_response(int status, const Headers& headers, std::string_view body,
                               bool keep_alive, bool answers_head);

// The head of an answer whose body comes in chunks, or until the connection ends.
std::string serialize_response_head(int status, const Headers& headers, bool chunked,
                                    bool keep_alive);

// A piece of a chunked body; not an empty one, which would end it.
void append_chunk(std::string& out, std::string_view piece);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

std::string_view reason_phrase(int status);

// A request that may be sent twice (RFC 9110, 9.2.2).
bool is_idempotent(std::string_view method);

// ASCII, as header names are compared.
bool equals_ignoring_case(std::string_view a, std::string_view b);

}  // namespace galileo::wire::http1
