#include <fmt/format.h>

#include <algorithm>

#include "gateway/connections.h"
#include "net/clock.h"

namespace galileo::gateway {
namespace {

// Of the answer, until the client takes more.
constexpr std::size_t kUnsentMax = std::size_t{64} << 10;
// A buffer that grew beyond this is given back when its connection is idle.
constexpr std::size_t kKeptMax = 4096;

void shrink(std::string& text) {
  if (text.capacity() > kKeptMax)
    text = std::string();
  else
    text.clear();
}

}  // namespace

bool Outlet::send(std::string_view bytes) {
  if (size() == 0 && stream_) {
    const net::Transfer transfer = stream_->write(bytes);
    if (transfer.status == net::Transfer::Status::kFailed) return false;
    bytes.remove_prefix(transfer.bytes);
  }
  kept_.append(bytes);
  return true;
}

bool Outlet::flush() {
  while (size() > 0) {
    const net::Transfer transfer = stream_->write(std::string_view(kept_).substr(begin_));
    if (transfer.status == net::Transfer::Status::kWouldBlock) return true;
    if (transfer.status != net::Transfer::Status::kDone) return false;
    begin_ += transfer.bytes;
    // One that never empties it would have all that ever went through kept.
    if (begin_ >= kUnsentMax) kept_.erase(0, std::exchange(begin_, 0));
  }
  clear();
  return true;
}

void Outlet::clear() {
  begin_ = 0;
  shrink(kept_);
}

Client::Client(Proxy& proxy, std::string address)
    : proxy_(proxy),
      address_(std::move(address)),
      parser_(proxy.options_.limits),
      head_(proxy.names_, true) {
  parser_.headers_into(&head_);
}

void Client::open(int fd) {
  stream_ = net::adopt_socket(proxy_.loop_, fd, *this);
  if (!stream_) return close();
  out_.set_stream(stream_.get());
  proxy_.head_deadlines_.begin(*this, proxy_.loop_.clock().now());
  readable_ = true;
  read_on();
}

void Client::close() {
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kClosed;
  Deadline::end();
  let_go_of_upstream();
  stream_.reset();
  proxy_.forget(*this);
}

// Its target's connection is of no use any more where the exchange wasn't over.
void Client::let_go_of_upstream() {
  if (Upstream* const upstream = std::exchange(upstream_, nullptr)) upstream->close();
}

void Client::timed_out() {
  switch (phase_) {
    case Phase::kHead:
      ++proxy_.counts_.refused;
      close_after_ = true;
      return answer(408, "the request didn't come in time\n");
    case Phase::kBody:
      ++proxy_.counts_.cut;
      return close();
    default:
      return close();
  }
}

void Client::on_stream(net::StreamEvents events) {
  if (events.writable && out_.size() > 0) flush();
  if (events.writable && upstream_ && takes_more()) upstream_->read_on();
  if (phase_ == Phase::kClosed) return;
  if (events.readable || events.closed) readable_ = true;
  if (events.closed) ends_ = true;
  read_on();
}

bool Client::reads() const {
  switch (phase_) {
    case Phase::kIdle:
    case Phase::kHead:
      return true;
    case Phase::kBody:
    case Phase::kTunnel:
      return upstream_ && upstream_->takes_more();
    default:
      return false;
  }
}

void Client::read_on() {
  while (readable_ && reads()) {
    const net::Transfer transfer = stream_->read(proxy_.buffer_.get(), Proxy::kBufferSize);
    if (transfer.status == net::Transfer::Status::kWouldBlock) {
      readable_ = false;
      return;
    }
    if (transfer.status != net::Transfer::Status::kDone) {
      if (phase_ == Phase::kHead || phase_ == Phase::kBody) ++proxy_.counts_.cut;
      return close();
    }
    // A read that comes up short has emptied the socket: the next byte is told of again.
    if (transfer.bytes < Proxy::kBufferSize && !ends_) readable_ = false;
    take({proxy_.buffer_.get(), transfer.bytes});
  }
}

void Client::take(std::string_view bytes) {
  taking_ = true;
  take_all(bytes);
  taking_ = false;
  if (upstream_ && phase_ != Phase::kClosed) upstream_->flush();
}

void Client::take_all(std::string_view bytes) {
  while (!bytes.empty()) {
    switch (phase_) {
      case Phase::kIdle:
        phase_ = Phase::kHead;
        parser_.start();
        proxy_.head_deadlines_.begin(*this, proxy_.loop_.clock().now());
        break;
      case Phase::kHead:
        bytes = take_head(bytes);
        break;
      case Phase::kBody:
        bytes = take_body(bytes);
        break;
      case Phase::kTunnel:
        if (!upstream_->out().send(bytes)) close();
        return;
      case Phase::kAnswer:
        ahead_.append(bytes);
        return;
      default:
        return;
    }
  }
}

std::string_view Client::take_head(std::string_view bytes) {
  bytes.remove_prefix(parser_.feed(bytes));
  if (parser_.failed())
    refuse();
  else if (parser_.head_done())
    begin();
  return bytes;
}

// Passed on as it came, with its chunks: the parser has seen that they are what they say.
std::string_view Client::take_body(std::string_view bytes) {
  const std::size_t taken = parser_.feed(bytes);
  if (parser_.failed()) {
    let_go_of_upstream();
    refuse();
    return {};
  }
  may_repeat_ = false;
  upstream_->out().held().append(bytes.substr(0, taken));
  if (parser_.done()) {
    phase_ = Phase::kAnswer;
    Deadline::end();
  } else {
    proxy_.idle_deadlines_.begin(*this, proxy_.loop_.clock().now());
  }
  return bytes.substr(taken);
}

void Client::begin() {
  ++proxy_.counts_.requests;
  head_.finish();
  Deadline::end();
  head_sent_ = false;
  close_after_ = !parser_.keep_alive() || proxy_.draining_;
  hop_.taken = net::RealClock::wall_now();
  const bool whole = parser_.done();
  phase_ = whole ? Phase::kAnswer : Phase::kBody;
  if (proxy_.options_.dummy) {
    close_after_ = close_after_ || !whole;
    return answer(200, fmt::format("{} {}\n", parser_.target(), head_.host()));
  }
  Proxy::Choice choice = proxy_.choose(parser_.target(), head_.was_forwarded());
  if (!choice.target) {
    close_after_ = close_after_ || !whole;
    return answer(choice.status, choice.text);
  }
  target_ = choice.target;
  hop_.target = target_->name();
  may_repeat_ = whole && wire::http1::is_idempotent(parser_.method());
  request_head_.clear();
  append_request_head(request_head_, parser_.method(), choice.path, head_, proxy_.names_, hop_,
                      address_);
  if (!whole && parser_.expects_continue() && parser_.minor_version() > 0)
    out_.send("HTTP/1.1 100 Continue\r\n\r\n");
  connect(false);
}

void Client::connect(bool fresh) {
  upstream_ = proxy_.upstream_to(*target_, fresh);
  if (!upstream_) return on_failed(502, "the target can't be reached", false);
  upstream_->out().held().append(request_head_);
  upstream_->begin(*this, parser_.method() == "HEAD");
}

void Client::on_connected() {
  read_on();
}

void Client::on_taken() {
  if (phase_ == Phase::kBody || phase_ == Phase::kTunnel) read_on();
}

void Client::on_answer_head(int status, const Head& head,
                            const wire::http1::ResponseParser& answer) {
  head_sent_ = true;
  if (status == 101 && head.upgrades() && head_.upgrades() && phase_ == Phase::kAnswer) {
    append_answer_head(out_.held(), status, head, proxy_.names_, hop_, {}, false);
    phase_ = Phase::kTunnel;
    ++proxy_.counts_.upgraded;
    upstream_->tunnel();
    return;
  }
  const bool too_old = parser_.minor_version() == 0;
  // An answer before the request is whole: what is left of the request would be read as another.
  if (phase_ == Phase::kBody || answer.until_close() || (too_old && answer.chunked()))
    close_after_ = true;
  append_answer_head(out_.held(), status, head, proxy_.names_, hop_,
                     close_after_ ? "close"
                     : too_old    ? "keep-alive"
                                  : "",
                     too_old && answer.chunked());
}

void Client::send(std::string_view bytes) {
  out_.held().append(bytes);
}

bool Client::takes_more() const {
  return out_.size() < kUnsentMax;
}

void Client::flush() {
  if (!out_.flush()) {
    ++proxy_.counts_.cut;
    return close();
  }
  if (phase_ == Phase::kClosing && out_.size() == 0) close();
}

void Client::on_answered(bool answer_ended_by_close) {
  ++proxy_.counts_.forwarded;
  upstream_ = nullptr;
  flush();
  if (phase_ == Phase::kClosed) return;
  if (close_after_ || answer_ended_by_close || phase_ != Phase::kAnswer) return end_when_written();
  next();
}

void Client::on_failed(int status, std::string_view why, bool nothing_received) {
  upstream_ = nullptr;
  if (phase_ == Phase::kTunnel) return end_when_written();
  if (nothing_received && may_repeat_) {
    ++proxy_.counts_.retried;
    may_repeat_ = false;
    connect(true);
    if (upstream_) upstream_->flush();
    return;
  }
  if (head_sent_) {  // it can only be seen to be cut
    ++proxy_.counts_.cut;
    flush();
    return close();
  }
  ++proxy_.counts_.failed;
  close_after_ = close_after_ || phase_ != Phase::kAnswer;
  answer(status, fmt::format("{}: {}\n", hop_.target, why));
}

// An answer of our own; of an exchange with a target it says so in the headers.
void Client::answer(int status, std::string_view text) {
  std::string& out = out_.held();
  fmt::format_to(std::back_inserter(out), "HTTP/1.1 {} {}\r\n", status,
                 wire::http1::reason_phrase(status));
  if (!hop_.target.empty()) append_own_headers(out, proxy_.names_, hop_);
  fmt::format_to(std::back_inserter(out), "Content-Type: text/plain\r\nContent-Length: {}\r\n",
                 text.size());
  if (close_after_)
    out.append("Connection: close\r\n");
  else if (parser_.minor_version() == 0)
    out.append("Connection: keep-alive\r\n");
  out.append("\r\n");
  if (parser_.method() != "HEAD") out.append(text);
  const bool last = close_after_;
  flush();
  if (phase_ == Phase::kClosed) return;
  if (last) return end_when_written();
  next();
}

void Client::refuse() {
  using wire::http1::Problem;
  ++proxy_.counts_.refused;
  hop_.target = {};
  close_after_ = true;
  if (head_sent_) return close();
  switch (parser_.problem()) {
    case Problem::head_too_large:
      return answer(431, "the head is too large\n");
    case Problem::body_too_large:
      return answer(413, "the body is too large\n");
    default:
      return answer(400, "that is no request that can be passed on\n");
  }
}

// The exchange is over; the connection goes on.
void Client::next() {
  hop_.target = {};
  target_ = nullptr;
  phase_ = Phase::kIdle;
  shrink(request_head_);
  proxy_.idle_deadlines_.begin(*this, proxy_.loop_.clock().now());
  if (taking_) return;  // who takes goes on
  if (!ahead_.empty()) {
    const std::string ahead = std::exchange(ahead_, {});
    take(ahead);
  }
  if (phase_ != Phase::kClosed && readable_) read_on();
}

void Client::end_when_written() {
  let_go_of_upstream();
  if (out_.size() == 0) return close();
  phase_ = Phase::kClosing;
  proxy_.idle_deadlines_.begin(*this, proxy_.loop_.clock().now());
}

}  // namespace galileo::gateway
