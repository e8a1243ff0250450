#include "net/http2_session.h"

#include <fmt/format.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace galileo::net {
namespace {

using wire::Failure;
using Kind = HttpSession::Outcome::Kind;

// Bytes are gathered up to this before they are written.
constexpr std::size_t kBatch = std::size_t{64} << 10;
// What a stream and the connection may send before they have to wait for us, who read all at once.
constexpr std::int32_t kStreamWindow = std::int32_t{16} << 20;
constexpr std::int32_t kConnectionWindow = std::int32_t{1} << 30;
constexpr std::size_t kFrameHead = 9;
constexpr std::size_t kWordsMax = 200;  // of what the server says when it goes
constexpr std::size_t kFieldsUsual = 40;

std::string name_of(std::uint32_t code) {
  const char* const name = nghttp2_http2_strerror(code);
  return std::strcmp(name, "unknown") == 0 ? fmt::format("error {}", code) : name;
}

// What the server says by a code, of a stream or of the connection.
Failure failure_said(std::uint32_t code, Failure otherwise) {
  switch (code) {
    case NGHTTP2_PROTOCOL_ERROR:
    case NGHTTP2_FLOW_CONTROL_ERROR:
    case NGHTTP2_SETTINGS_TIMEOUT:
    case NGHTTP2_STREAM_CLOSED:
    case NGHTTP2_FRAME_SIZE_ERROR:
    case NGHTTP2_COMPRESSION_ERROR:
      return Failure::http2_rejected;
    case NGHTTP2_ENHANCE_YOUR_CALM:
      return Failure::http2_calm;
    default:
      return otherwise;
  }
}

// What we say by one.
Failure failure_found(std::uint32_t code) {
  switch (code) {
    case NGHTTP2_FLOW_CONTROL_ERROR:
      return Failure::http2_window;
    case NGHTTP2_ENHANCE_YOUR_CALM:
      return Failure::http2_flood;
    default:
      return Failure::http2_broken;
  }
}

std::string_view text_of(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

nghttp2_nv field_of(const wire::Http2Request::Field& field, std::uint8_t flags) {
  // It is read only.
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(field.name), bytes(field.value), field.name.size(), field.value.size(), flags};
}

// A server's words, fit for people's eyes.
std::string plain_words(std::string_view text) {
  std::string words(text.substr(0, kWordsMax));
  std::replace_if(words.begin(), words.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return words;
}

}  // namespace

struct Http2Session::Running {
  HttpExchange* exchange = nullptr;  // null: it has left, and the stream is still to be closed
  std::int32_t stream = 0;
  std::size_t place = 0;  // in under_way_
  std::string_view body;  // what of the request's isn't in frames
  wire::http1::Limits limits;
  std::uint64_t head_bytes = 0;
  std::uint64_t body_bytes = 0;
  std::uint64_t bytes = 0;     // of the answer's frames
  std::uint64_t heard_at = 0;  // what had been read when it began
  int status = -1;
  bool head_done = false;  // the final answer's
  bool whole = false;
  bool never_sent = false;
  bool reset_by_server = false;
  Failure too_large = Failure::none;
};

// What nghttp2 calls while it reads or makes frames. None may end the session.
struct Http2Session::Callbacks {
  static Http2Session& of(void* user) { return *static_cast<Http2Session*>(user); }

  // Of a stream; null: it is closed, or the connection itself.
  static Running* running_of(Http2Session& session, std::int32_t stream) {
    if (session.last_stream_ == stream) return session.last_;
    session.last_stream_ = stream;
    session.last_ =
        static_cast<Running*>(nghttp2_session_get_stream_user_data(session.library_.get(), stream));
    return session.last_;
  }

  static int on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* head, void* user) {
    return of(user).frame_begins(head->stream_id, head->type, head->length)
               ? 0
               : NGHTTP2_ERR_CALLBACK_FAILURE;
  }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                       std::uint8_t, void* user) {
    Running* const running = running_of(of(user), frame->hd.stream_id);
    if (!running || !running->exchange) return 0;
    return take_header(*running, text_of(name, name_size), text_of(value, value_size))
               ? 0
               : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  // False: the head is larger than may be.
  static bool take_header(Running& running, std::string_view name, std::string_view value) {
    running.head_bytes += name.size() + value.size() + 4;
    if (running.head_bytes > running.limits.head_max) {
      running.too_large = Failure::head_too_large;
      return false;
    }
    HttpExchange& exchange = *running.exchange;
    if (name == ":status") {
      std::from_chars(value.data(), value.data() + value.size(), running.status);
      return true;
    }
    if (running.head_done || running.status < 200) return true;  // trailers; an interim answer's
    if (exchange.want_redirect && name == "location") exchange.location = value;
    if (exchange.want_redirect && name == "set-cookie") exchange.set_cookies.emplace_back(value);
    if (exchange.capture && exchange.capture->want_headers)
      exchange.capture->headers.emplace_back(name, value);
    return true;
  }

  static int on_data(nghttp2_session* library, std::uint8_t, std::int32_t stream,
                     const std::uint8_t* bytes, std::size_t size, void* user) {
    of(user).said_something_ = true;
    Running* const running = running_of(of(user), stream);
    if (!running || !running->exchange) return 0;
    running->body_bytes += size;
    if (running->body_bytes > running->limits.body_max) {
      nghttp2_submit_rst_stream(library, NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
      of(user).leave(*running, Kind::kFailed, Failure::body_too_large);
      return 0;
    }
    wire::http1::Capture* const capture = running->exchange->capture;
    if (!capture || capture->body.size() >= capture->want_body) return 0;
    capture->body.append(text_of(bytes, size).substr(0, capture->want_body - capture->body.size()));
    return 0;
  }

  static int on_frame(nghttp2_session* library, const nghttp2_frame* frame, void* user) {
    Http2Session& session = of(user);
    Running* const running =
        frame->hd.stream_id == 0 ? nullptr : running_of(session, frame->hd.stream_id);
    switch (frame->hd.type) {
      case NGHTTP2_SETTINGS:
        session.streams_allowed_ =
            nghttp2_session_get_remote_settings(library, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
        break;
      case NGHTTP2_GOAWAY:
        session.goes_away(frame->goaway.error_code,
                          text_of(frame->goaway.opaque_data, frame->goaway.opaque_data_len));
        break;
      case NGHTTP2_RST_STREAM:
        if (running) running->reset_by_server = true;
        break;
      case NGHTTP2_HEADERS:
      case NGHTTP2_DATA:
        if (running) of_answer(session, *running, frame->hd);
        break;
      default:
        break;
    }
    return 0;
  }

  // An answer that is whole before its request is out ends the exchange: nobody reads the rest.
  static void of_answer(Http2Session& session, Running& running, const nghttp2_frame_hd& head) {
    if (head.type == NGHTTP2_HEADERS && running.status >= 200) running.head_done = true;
    running.whole = (head.flags & NGHTTP2_FLAG_END_STREAM) != 0 && running.head_done;
    if (!running.whole || !running.exchange || running.body.empty()) return;
    session.leave(running, Kind::kAnswered, Failure::none);
    nghttp2_submit_rst_stream(session.library_.get(), NGHTTP2_FLAG_NONE, running.stream,
                              NGHTTP2_NO_ERROR);
  }

  static int on_close(nghttp2_session*, std::int32_t stream, std::uint32_t code, void* user) {
    Http2Session& session = of(user);
    Running* const running = running_of(session, stream);
    session.last_stream_ = 0;
    session.last_ = nullptr;
    if (running) session.closed(*running, code);
    return 0;
  }

  static int on_sent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Http2Session& session = of(user);
    if (frame->hd.type == NGHTTP2_GOAWAY) {
      session.says_goodbye(frame->goaway.error_code);
      return 0;
    }
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    Running* const running = running_of(session, frame->hd.stream_id);
    if (!running || !running->exchange) return 0;
    running->exchange->frame_bytes += kFrameHead + frame->hd.length;
    if (frame->hd.type == NGHTTP2_HEADERS)
      session.unstamped_.push_back({session.out_.size(), running, running->stream});
    return 0;
  }

  static int on_not_sent(nghttp2_session*, const nghttp2_frame* frame, int, void* user) {
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    if (Running* const running = running_of(of(user), frame->hd.stream_id))
      running->never_sent = true;
    return 0;
  }

  static int on_complaint(nghttp2_session*, int, const char* text, std::size_t size, void* user) {
    of(user).complaint_ = plain_words({text, size});
    return 0;
  }

  static ssize_t give_body(nghttp2_session*, std::int32_t, std::uint8_t* buffer, std::size_t size,
                           std::uint32_t* flags, nghttp2_data_source* source, void* user) {
    Running& running = *static_cast<Running*>(source->ptr);
    if (!running.exchange) return NGHTTP2_ERR_DEFERRED;  // to be reset
    const std::size_t given = std::min(size, running.body.size());
    std::memcpy(buffer, running.body.data(), given);
    running.body.remove_prefix(given);
    if (running.body.empty()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    of(user).idle_frames_ = 0;
    return static_cast<ssize_t>(given);
  }

  static const nghttp2_session_callbacks* all() {
    static const nghttp2_session_callbacks* const made = [] {
      nghttp2_session_callbacks* set = nullptr;
      ENSURE(nghttp2_session_callbacks_new(&set) == 0);
      nghttp2_session_callbacks_set_on_begin_frame_callback(set, on_begin_frame);
      nghttp2_session_callbacks_set_on_header_callback(set, on_header);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(set, on_data);
      nghttp2_session_callbacks_set_on_frame_recv_callback(set, on_frame);
      nghttp2_session_callbacks_set_on_stream_close_callback(set, on_close);
      nghttp2_session_callbacks_set_on_frame_send_callback(set, on_sent);
      nghttp2_session_callbacks_set_on_frame_not_send_callback(set, on_not_sent);
      nghttp2_session_callbacks_set_error_callback2(set, on_complaint);
      return set;
    }();
    return made;
  }
};

void Http2Session::Library::operator()(nghttp2_session* session) const {
  nghttp2_session_del(session);
}

Http2Session::Http2Session(Stream& stream, const Clock& clock, std::span<char> buffer,
                           const Settings& settings)
    : stream_(stream), clock_(clock), buffer_(buffer), settings_(settings) {
  nghttp2_session* made = nullptr;
  ENSURE(nghttp2_session_client_new(&made, Callbacks::all(), this) == 0);
  library_.reset(made);
  const std::array<nghttp2_settings_entry, 2> ours{{
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, static_cast<std::uint32_t>(kStreamWindow)},
  }};
  ENSURE(nghttp2_submit_settings(made, NGHTTP2_FLAG_NONE, ours.data(), ours.size()) == 0);
  ENSURE(nghttp2_session_set_local_window_size(made, NGHTTP2_FLAG_NONE, 0, kConnectionWindow) == 0);
}

Http2Session::~Http2Session() = default;

bool Http2Session::can_take() const {
  const std::uint32_t wanted = settings_.streams_max > 0 ? settings_.streams_max : 0xffffffffu;
  return !retired_ && !is_broken_ && out_begin_ == out_.size() &&
         under_way_.size() < std::min(wanted, streams_allowed_);
}

HttpExchange* Http2Session::under_way() const {
  if (!under_way_.empty()) return under_way_.front()->exchange;
  return ended_told_ < ended_.size() ? ended_[ended_told_].exchange : nullptr;
}

void Http2Session::list_under_way(std::vector<HttpExchange*>& list) const {
  for (const Running* running : under_way_) list.push_back(running->exchange);
  for (std::size_t i = ended_told_; i < ended_.size(); ++i) list.push_back(ended_[i].exchange);
}

bool Http2Session::heard_since(const HttpExchange& exchange) const {
  const Running* const running = static_cast<const Running*>(exchange.stream_);
  return !running || heard_ > running->heard_at;
}

HttpSession::Outcome Http2Session::begin(HttpExchange& exchange,
                                         const wire::http1::Limits& answer) {
  const wire::Http2Request* request = exchange.ahead;
  if (!request) {
    if (!taken_apart_.read(exchange.bytes, settings_.scheme)) {
      exchange.why = "the request can't be said in HTTP/2";
      return {Kind::kFailed, Failure::http2_broken, false, &exchange};
    }
    request = &taken_apart_;
  }
  Running& running = new_running(exchange, answer);
  running.body = request->body();
  const std::int32_t stream = submit(*request, running);
  if (stream < 0) {
    retired_ = true;
    forget(running);
    free_.push_back(&running);
    return {Kind::kUnprocessed, Failure::http2_refused, false, &exchange};
  }
  running.stream = stream;
  if (last_stream_ == stream) last_stream_ = 0;
  return {};
}

// What was made ahead stays where it is, and needn't be copied.
std::int32_t Http2Session::submit(const wire::Http2Request& request, Running& running) {
  const auto flags = static_cast<std::uint8_t>(
      &request == &taken_apart_ ? NGHTTP2_NV_FLAG_NONE
                                : NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE);
  const std::span<const wire::Http2Request::Field> fields = request.fields();
  std::array<nghttp2_nv, kFieldsUsual> usual;
  std::vector<nghttp2_nv> many(fields.size() > usual.size() ? fields.size() : 0);
  nghttp2_nv* const list = many.empty() ? usual.data() : many.data();
  std::transform(fields.begin(), fields.end(), list,
                 [&](const auto& field) { return field_of(field, flags); });
  nghttp2_data_provider body{};
  body.source.ptr = &running;
  body.read_callback = Callbacks::give_body;
  return nghttp2_submit_request(library_.get(), nullptr, list, fields.size(),
                                running.body.empty() ? nullptr : &body, &running);
}

Http2Session::Running& Http2Session::new_running(HttpExchange& exchange,
                                                 const wire::http1::Limits& answer) {
  if (free_.empty()) {
    made_.push_back(std::make_unique<Running>());
    free_.push_back(made_.back().get());
  }
  Running& running = *free_.back();
  free_.pop_back();
  running = Running{};
  running.exchange = &exchange;
  running.limits = answer;
  running.heard_at = heard_;
  running.place = under_way_.size();
  under_way_.push_back(&running);
  exchange.stream_ = &running;
  return running;
}

// The exchange is no longer the session's; its stream may still be.
void Http2Session::forget(Running& running) {
  running.exchange->stream_ = nullptr;
  running.exchange = nullptr;
  under_way_[running.place] = under_way_.back();
  under_way_[running.place]->place = running.place;
  under_way_.pop_back();
}

void Http2Session::leave(Running& running, Outcome::Kind kind, Failure failure) {
  HttpExchange& exchange = *running.exchange;
  exchange.response_bytes = running.bytes;
  exchange.read_late = lay_;
  if (kind == Kind::kAnswered) exchange.status = running.status;
  ended_.push_back({kind, failure, false, &exchange});
  forget(running);
}

void Http2Session::closed(Running& running, std::uint32_t code) {
  if (HttpExchange* const exchange = running.exchange) {
    retired_ = retired_ || running.never_sent;  // it would be so with the next one
    const bool unprocessed = running.never_sent || code == NGHTTP2_REFUSED_STREAM;
    if (running.whole) {
      leave(running, Kind::kAnswered, Failure::none);
    } else if (running.too_large != Failure::none) {
      leave(running, Kind::kFailed, running.too_large);
    } else if (unprocessed && verdict_.failure != Failure::http2_calm) {
      leave(running, Kind::kUnprocessed, Failure::http2_refused);
    } else if (unprocessed) {
      exchange->why = verdict_.why;
      leave(running, Kind::kFailed, verdict_.failure);
    } else if (running.reset_by_server) {
      exchange->why = fmt::format("RST_STREAM {} (said by the server)", name_of(code));
      leave(running, Kind::kFailed, failure_said(code, Failure::http2_reset));
    } else {
      exchange->why = fmt::format("{}{}{} (found here)", name_of(code),
                                  complaint_.empty() ? "" : ": ", complaint_);
      leave(running, Kind::kFailed, failure_found(code));
    }
  }
  free_.push_back(&running);
}

std::uint64_t Http2Session::drop(HttpExchange& exchange) {
  Running* const running = static_cast<Running*>(exchange.stream_);
  if (!running) {  // it has ended, and nobody has been told
    const auto told = ended_.begin() + static_cast<std::ptrdiff_t>(ended_told_);
    ended_.erase(std::remove_if(told, ended_.end(),
                                [&](const Outcome& end) { return end.exchange == &exchange; }),
                 ended_.end());
    return exchange.response_bytes;
  }
  if (!running->body.empty() && window_is_shut(running->stream))
    exchange.why = "the server's window for the request's body stayed shut";
  forget(*running);
  nghttp2_submit_rst_stream(library_.get(), NGHTTP2_FLAG_NONE, running->stream, NGHTTP2_CANCEL);
  return running->bytes;
}

bool Http2Session::window_is_shut(std::int32_t stream) const {
  return nghttp2_session_get_remote_window_size(library_.get()) <= 0 ||
         nghttp2_session_get_stream_remote_window_size(library_.get(), stream) <= 0;
}

void Http2Session::pass(HttpPassage&, std::string_view) {
  ENSURE(false, "a passage goes over HTTP/1.1");
}

HttpSession::Outcome Http2Session::on_writable() {
  while (!is_broken_) {
    while (out_begin_ < out_.size()) {
      stamp();
      const Transfer transfer = stream_.write(std::string_view(out_).substr(out_begin_));
      if (transfer.status == Transfer::Status::kWouldBlock) return nothing_written();
      if (transfer.status != Transfer::Status::kDone) return write_failed();
      out_begin_ += transfer.bytes;
      std::erase_if(unstamped_, [&](const Stamp& one) { return one.end <= out_begin_; });
    }
    out_.clear();
    out_begin_ = 0;
    gather();
    if (out_.empty()) break;
  }
  stamp();
  unstamped_.clear();
  if (verdict_is_ours_) break_by(verdict_);
  return nothing_written();
}

// What is told next is for on_readable() to say.
HttpSession::Outcome Http2Session::nothing_written() const {
  Outcome outcome;
  outcome.more = ended_told_ < ended_.size() || is_broken_;
  return outcome;
}

HttpSession::Outcome Http2Session::write_failed() {
  out_.clear();
  out_begin_ = 0;
  retired_ = true;
  return {Kind::kReadFirst};
}

void Http2Session::gather() {
  while (out_.size() < kBatch) {
    const std::uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(library_.get(), &bytes);
    if (size < 0) break_by({Failure::http2_broken, nghttp2_strerror(static_cast<int>(size))});
    if (size <= 0) return;
    out_.append(text_of(bytes, static_cast<std::size_t>(size)));
  }
}

// Those whose first bytes go out now.
void Http2Session::stamp() {
  if (unstamped_.empty()) return;
  const Time now = clock_.now();
  for (const Stamp& one : unstamped_) {
    if (one.running->stream == one.stream && one.running->exchange)
      one.running->exchange->sent = now;
  }
}

HttpSession::Outcome Http2Session::on_readable(bool closed) {
  if (ended_told_ < ended_.size()) return next_ended();
  if (is_broken_) return tell_broken();
  const Transfer transfer = stream_.read(buffer_.data(), buffer_.size());
  switch (transfer.status) {
    case Transfer::Status::kDone:
      lay_ = transfer.lay.value_or(Duration{0});
      reads_on_ = transfer.bytes == buffer_.size() || closed;
      feed({buffer_.data(), transfer.bytes});
      return next_ended();
    case Transfer::Status::kWouldBlock:
      return {};
    case Transfer::Status::kEnd:
      break_by(verdict_.failure != Failure::none ? verdict_ : Verdict{Failure::closed, {}});
      return tell_broken();
    case Transfer::Status::kFailed: {
      const Failure by_tls = stream_.tls_failure();
      error_ = transfer.error;
      break_by(verdict_.failure != Failure::none ? verdict_
               : by_tls != Failure::none         ? Verdict{by_tls, stream_.failure()}
                                                 : Verdict{Failure::reset, stream_.failure()});
      return tell_broken();
    }
  }
  return {};
}

// One end after the other, then whether there is more to be read.
HttpSession::Outcome Http2Session::next_ended() {
  Outcome outcome;
  if (ended_told_ < ended_.size()) outcome = ended_[ended_told_++];
  const bool others = ended_told_ < ended_.size();
  if (!others) {
    ended_.clear();
    ended_told_ = 0;
  }
  outcome.at_hand = others || is_broken_;
  outcome.more = outcome.at_hand || reads_on_;
  return outcome;
}

void Http2Session::break_by(Verdict verdict) {
  if (is_broken_) return;
  is_broken_ = true;
  retired_ = true;
  broken_ = std::move(verdict);
}

HttpSession::Outcome Http2Session::tell_broken() {
  for (Running* const running : under_way_) {
    running->exchange->why = broken_.why;
    running->exchange->error = error_;
  }
  return {Kind::kBroken, broken_.failure};
}

void Http2Session::feed(std::string_view bytes) {
  now_ = clock_.now();
  if (heard_ < kFrameHead && !begins_as_http2(bytes)) {
    break_by({Failure::not_http2, "what the server says first isn't HTTP/2's SETTINGS"});
    return;
  }
  heard_ += bytes.size();
  said_something_ = false;
  const ssize_t taken = nghttp2_session_mem_recv(
      library_.get(), reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  unknown_bytes_ = said_something_ ? 0 : unknown_bytes_ + bytes.size();
  is_flood_ = is_flood_ || unknown_bytes_ > kUnknownBytesMax;
  if (taken < 0 || is_flood_) return break_by(verdict_of(static_cast<int>(taken)));
  // Who can't say what is wrong with the peer, since that doesn't read, knows it all the same.
  if (out_begin_ < out_.size()) gather();
  if (verdict_is_ours_ && out_begin_ < out_.size()) break_by(verdict_);
}

// The first frame is SETTINGS: its type is the fourth byte, its stream 0.
bool Http2Session::begins_as_http2(std::string_view bytes) {
  first_bytes_.append(bytes.substr(0, kFrameHead - first_bytes_.size()));
  static constexpr std::string_view kOlder = "HTTP/";
  if (first_bytes_.starts_with(kOlder)) return false;
  if (first_bytes_.size() < kFrameHead) return true;
  return first_bytes_[3] == NGHTTP2_SETTINGS && first_bytes_.substr(5) == std::string(4, '\0');
}

Http2Session::Verdict Http2Session::verdict_of(int library_error) const {
  if (is_flood_ || library_error == NGHTTP2_ERR_FLOODED)
    return {Failure::http2_flood, "frames that lead nowhere came without end (found here)"};
  return {Failure::http2_broken, fmt::format("{}{}{} (found here)", nghttp2_strerror(library_error),
                                             complaint_.empty() ? "" : ": ", complaint_)};
}

// False: there are too many that lead nowhere.
bool Http2Session::frame_begins(std::int32_t stream, std::uint8_t type, std::size_t length) {
  said_something_ = true;
  Running* const running = stream == 0 ? nullptr : Callbacks::running_of(*this, stream);
  if (running && running->exchange) {
    running->bytes += kFrameHead + length;
    if (running->exchange->first_byte == kNever) running->exchange->first_byte = now_;
  }
  const bool leads_on = (type == NGHTTP2_HEADERS && running && running->exchange) ||
                        (type == NGHTTP2_DATA && length > 0);
  if (leads_on) {
    idle_frames_ = 0;
    return true;
  }
  if (idle_frames_ == 0) idle_since_ = now_;
  if (++idle_frames_ <= kIdleFramesMax) return true;
  is_flood_ = now_ - idle_since_ < std::chrono::seconds{1};
  idle_frames_ = 0;
  return !is_flood_;
}

void Http2Session::goes_away(std::uint32_t code, std::string_view words) {
  retired_ = true;
  if (code == NGHTTP2_NO_ERROR) return;
  verdict_ = {failure_said(code, Failure::http2_ended),
              fmt::format("GOAWAY {}{}{} (said by the server)", name_of(code),
                          words.empty() ? "" : ": ", plain_words(words))};
}

// Our own GOAWAY is under way: by the library's finding.
void Http2Session::says_goodbye(std::uint32_t code) {
  if (code == NGHTTP2_NO_ERROR) return;
  verdict_ = {failure_found(code), fmt::format("{}{}{} (found here)", name_of(code),
                                               complaint_.empty() ? "" : ": ", complaint_)};
  verdict_is_ours_ = true;
}

}  // namespace galileo::net
