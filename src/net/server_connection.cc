#include "net/server_connection.h"

#include <algorithm>
#include <utility>

#include "net/http_server.h"

namespace galileo::net {
namespace {

// Requests that a client may have sent ahead before it is cut off.
constexpr std::size_t kUnreadMax = std::size_t{1} << 20;

// What a client that was refused may still send before it is cut off: enough that it finds its
// answer. A socket that is closed with bytes unread has the answer thrown away.
constexpr std::uint64_t kDroppedMax = std::uint64_t{1} << 20;

// Each read is of a whole buffer: some 50 us.
constexpr int kReadsATurn = 4;

int status_of(wire::http1::Problem problem) {
  using wire::http1::Problem;
  if (problem == Problem::head_too_large) return 431;
  return problem == Problem::body_too_large ? 413 : 400;
}

}  // namespace

ServerConnection::ServerConnection(HttpServer& server, std::uint64_t id, const Address& peer)
    : server_(server), id_(id), peer_(peer), parser_(server.options_.message) {
  parser_.start();
  if (!server.options_.keep_requests) return;
  kept_.want_headers = true;
  kept_.want_body = std::size_t(-1);  // as much as the parser lets through
  parser_.capture_into(&kept_);
  parser_.headers_into(this);  // so that a head comes before its body
}

bool ServerConnection::keep_alive() const {
  return parser_.keep_alive() && !server_.winding_up_;
}

const std::string* ServerConnection::header(std::string_view name) const {
  const auto found = std::find_if(kept_.headers.begin(), kept_.headers.end(), [&](auto& header) {
    return wire::http1::equals_ignoring_case(header.first, name);
  });
  return found == kept_.headers.end() ? nullptr : &found->second;
}

void ServerConnection::on_stream(StreamEvents events) {
  if (state_ == State::kClosed) return;
  if (events.writable && out_.size() > 0) flush();
  if (state_ != State::kClosed && (events.readable || events.closed)) read();
}

// Only so much a turn, so that one that sends quicker than this reads doesn't keep the others out.
void ServerConnection::read() {
  for (int reads = 0; state_ != State::kClosed; ++reads) {
    if (reads == kReadsATurn) return server_.read_on_later(*this);
    const Transfer transfer = stream_->read(server_.buffer_.get(), HttpServer::kBufferSize);
    if (transfer.status == Transfer::Status::kWouldBlock) return;
    if (transfer.status != Transfer::Status::kDone) return close();
    const std::string_view bytes(server_.buffer_.get(), transfer.bytes);
    if (state_ == State::kLeaving) {
      dropped_ += bytes.size();
      if (dropped_ > kDroppedMax) close();
    } else if (is_reading()) {
      take(bytes);
    } else {
      unread_ += bytes;
      if (unread_.size() > kUnreadMax) close();
    }
  }
}

// Reads requests until one has to wait for its answer.
void ServerConnection::take(std::string_view bytes) {
  while (!bytes.empty() && is_reading()) take_some(bytes);
  if (state_ == State::kAnswering || state_ == State::kStreaming) unread_.assign(bytes);
}

void ServerConnection::take_some(std::string_view& bytes) {
  if (state_ == State::kIdle) {
    state_ = State::kHead;
    wait_for(Wait::kHead);
  }
  bytes.remove_prefix(parser_.feed(bytes));
  if (parser_.failed()) return refuse(status_of(parser_.problem()));
  if (state_ == State::kHead && parser_.head_done() && !admit()) return;
  if (!parser_.done()) return;
  state_ = State::kAnswering;
  wait_for(Wait::kNothing);
  watch_writing();
  server_.service_.on_request(*this);
}

// The head is there: whether its body is to be read.
bool ServerConnection::admit() {
  if (server_.options_.keep_requests) {
    state_ = State::kAdmitting;
    server_.service_.on_head(*this);
    if (state_ != State::kAdmitting) return false;
  }
  state_ = State::kBody;
  if (parser_.done()) return true;
  wait_for(Wait::kBody);
  if (!parser_.expects_continue() || parser_.body_bytes() > 0) return true;
  out_.held() += "HTTP/1.1 100 Continue\r\n\r\n";
  flush();
  return state_ == State::kBody;
}

void ServerConnection::bound_body(std::uint64_t bytes_max) {
  if (parser_.has_length() && parser_.length() > bytes_max) return refuse(413);
  wire::http1::Limits limits = server_.options_.message;
  limits.body_max = std::min(limits.body_max, bytes_max);
  parser_.bound_by(limits);
}

void ServerConnection::refuse(int status, wire::http1::Headers headers) {
  const HttpService::Words words = server_.service_.words_of(status);
  if (!words.content_type.empty()) headers.emplace_back("Content-Type", words.content_type);
  out_.held() += wire::http1::serialize_response(status, headers, words.text, false, false);
  leave();
}

// The answer is the last one, and comes before the request is over.
void ServerConnection::leave() {
  state_ = State::kLeaving;
  last_ = true;
  wait_for(Wait::kLeaving);
  flush();
}

void ServerConnection::answer(std::string_view message) {
  if (state_ == State::kAdmitting && !parser_.done()) {
    out_.held() += message;
    return leave();
  }
  last_ = !keep_alive();
  if (!out_.send(message)) return close();
  answered();
}

void ServerConnection::respond(int status, const wire::http1::Headers& headers,
                               std::string_view body) {
  const bool refuses = state_ == State::kAdmitting && !parser_.done();
  answer(wire::http1::serialize_response(status, headers, body, keep_alive() && !refuses,
                                         method() == "HEAD"));
}

void ServerConnection::begin(int status, const wire::http1::Headers& headers) {
  chunked_ = parser_.minor_version() > 0;
  bodiless_ = method() == "HEAD";
  last_ = !keep_alive() || !chunked_;
  state_ = State::kStreaming;
  out_.held() += wire::http1::serialize_response_head(status, headers, chunked_, !last_);
  flush();
}

void ServerConnection::send(std::string_view piece) {
  if (state_ != State::kStreaming || piece.empty() || bodiless_) return;
  if (chunked_)
    wire::http1::append_chunk(out_.held(), piece);
  else
    out_.held() += piece;
  flush();
}

void ServerConnection::end() {
  if (state_ != State::kStreaming) return;
  if (chunked_ && !bodiless_) out_.held() += wire::http1::kLastChunk;
  answered();
}

// All of the answer is there: out, or to be sent.
void ServerConnection::answered() {
  state_ = State::kIdle;
  flush();
  if (state_ == State::kClosed || last_) return;
  expect_request();
  if (unread_.empty()) return;
  const std::string ahead = std::exchange(unread_, {});
  take(ahead);
}

void ServerConnection::expect_request() {
  kept_.clear();
  parser_.bound_by(server_.options_.message);
  parser_.start();
  wait_for(Wait::kNext);
  watch_writing();
}

void ServerConnection::flush() {
  const std::size_t before = out_.size();
  if (!out_.flush()) return close();
  if (out_.size() > 0) {
    if (out_.size() < before || wait_ != Wait::kWriting) watch_writing();
    return;
  }
  if (state_ == State::kLeaving) {
    stream_->end_writing();
  } else if (last_ && state_ == State::kIdle) {
    close();
  } else {
    if (wait_ == Wait::kWriting) wait_for(state_ == State::kIdle ? Wait::kNext : Wait::kNothing);
    if (state_ == State::kStreaming && before > 0) server_.service_.on_drained(*this);
  }
}

// A client that doesn't take what it is sent has less time than one that has nothing to say.
void ServerConnection::watch_writing() {
  if (out_.size() > 0 && state_ != State::kLeaving) wait_for(Wait::kWriting);
}

void ServerConnection::wait_for(Wait what) {
  wait_ = what;
  waiting_.end();
  seen_bytes_ = parser_.body_bytes();
  if (Deadlines* const list = server_.deadlines(what)) list->begin(waiting_, server_.clock_.now());
}

void ServerConnection::on_late(Wait what) {
  if (what == Wait::kBody && parser_.body_bytes() - seen_bytes_ >= server_.options_.body_least)
    return wait_for(Wait::kBody);
  if (what == Wait::kHead || what == Wait::kBody) return refuse(408);
  close();
}

void ServerConnection::close() {
  if (state_ == State::kClosed) return;
  const bool unanswered = state_ == State::kAnswering || state_ == State::kStreaming;
  state_ = State::kClosed;
  waiting_.end();
  stream_.reset();
  server_.forget(*this);
  if (unanswered) server_.service_.on_gone(id_);
}

}  // namespace galileo::net
