#include <fmt/format.h>

#include <algorithm>

#include "gateway/connections.h"
#include "net/clock.h"

namespace galileo::gateway {
namespace {

// Bytes of requests that came before the one under way was answered.
constexpr std::size_t kAheadMax = std::size_t{256} << 10;
// Bytes of an answer that wait until the client takes more.
constexpr std::size_t kUnsentMax = std::size_t{64} << 10;

}  // namespace

ClientConnection::ClientConnection(Proxy& proxy, std::string address, bool counted)
    : proxy_(proxy),
      address_(std::move(address)),
      address_key_(route::key_of(address_)),
      counted_(counted),
      parser_(proxy.options_.limits),
      head_(proxy.names_, true) {
  parser_.headers_into(&head_);
}

void ClientConnection::open(int fd) {
  stream_ = proxy_.acceptor_ ? proxy_.acceptor_->adopt(proxy_.loop_, fd, *this)
                             : net::adopt_socket(proxy_.loop_, fd, *this);
  if (!stream_) return close();
  out_.set_stream(stream_.get());
  proxy_.head_deadlines_.begin(*this, proxy_.loop_.clock().now());
  if (!counted_) {
    ++proxy_.counts_.limited;
    close_after_ = true;
    return answer(503, "there are as many connections as may be\n");
  }
  readable_ = true;
  read_on();
}

void ClientConnection::close() {
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kClosed;
  Deadline::end();
  let_go_of_upstream();
  stream_.reset();
  proxy_.forget(*this);
}

// Its target's connection is of no use any more where the exchange wasn't over.
void ClientConnection::let_go_of_upstream() {
  if (Upstream* const upstream = std::exchange(upstream_, nullptr)) upstream->close();
  proxy_.end(exchange_, route::Outcome::End::kGivenUp);
}

void ClientConnection::timed_out() {
  switch (phase_) {
    case Phase::kHead:
      ++proxy_.counts_.refused;
      close_after_ = true;
      return answer(408, "the request didn't come in time\n");
    case Phase::kBody:
      // It is the target that takes nothing, and it has a deadline of its own.
      if (upstream_ && upstream_->is_slow())
        return proxy_.idle_deadlines_.begin(*this, proxy_.loop_.clock().now());
      if (head_sent_) {
        ++proxy_.counts_.cut;
        return close();
      }
      ++proxy_.counts_.refused;
      let_go_of_upstream();
      hop_.target = {};
      close_after_ = true;
      return answer(408, "the body didn't come in time\n");
    case Phase::kAnswer:  // it doesn't read, or has left
      ++proxy_.counts_.cut;
      return close();
    default:
      return close();
  }
}

void ClientConnection::on_stream(net::StreamEvents events) {
  if (events.writable && out_.size() > 0) flush();
  if (events.writable && upstream_ && takes_more()) upstream_->read_on();
  if (phase_ == Phase::kClosed) return;
  if (events.readable || events.closed) readable_ = true;
  if (events.closed) ends_ = true;
  if (ends_ && phase_ == Phase::kAnswer) look_who_left();
  if (phase_ != Phase::kClosed) read_on();
}

// A client that has closed waits for no answer, and its target needn't work for nobody. One that
// has closed only its own side looks the same: it has a moment for its answer, and longer once it
// takes some of it. What it sent before it closed are requests that it waits for.
void ClientConnection::look_who_left() {
  while (readable_ && ahead_.size() < kAheadMax) {
    const net::Transfer transfer = stream_->read(proxy_.buffer_.get(), Proxy::kBufferSize);
    if (transfer.status == net::Transfer::Status::kDone) {
      ahead_.append(proxy_.buffer_.get(), transfer.bytes);
      continue;
    }
    if (transfer.status == net::Transfer::Status::kWouldBlock) {
      readable_ = false;
    } else if (transfer.status == net::Transfer::Status::kFailed) {
      ++proxy_.counts_.cut;
      close();
    } else if (ahead_.empty() && !Deadline::is_set()) {
      proxy_.linger_deadlines_.begin(*this, proxy_.loop_.clock().now());
    }
    return;
  }
}

bool ClientConnection::reads() const {
  switch (phase_) {
    case Phase::kIdle:
    case Phase::kHead:
    case Phase::kLinger:
      return true;
    case Phase::kBody:
    case Phase::kTunnel:
      return upstream_ && upstream_->takes_more();
    default:
      return false;
  }
}

void ClientConnection::read_on() {
  while (readable_ && reads()) {
    const net::Transfer transfer = stream_->read(proxy_.buffer_.get(), Proxy::kBufferSize);
    if (transfer.status == net::Transfer::Status::kWouldBlock) {
      readable_ = false;
      return;
    }
    if (transfer.status != net::Transfer::Status::kDone) {
      if (phase_ == Phase::kHead || phase_ == Phase::kBody) ++proxy_.counts_.cut;
      if (!stream_->failure().empty()) ++proxy_.counts_.tls_failed;
      return close();
    }
    // A read that comes up short has emptied the socket: the next byte is told of again.
    if (transfer.bytes < Proxy::kBufferSize && !ends_) readable_ = false;
    take({proxy_.buffer_.get(), transfer.bytes});
  }
}

void ClientConnection::take(std::string_view bytes) {
  taking_ = true;
  take_all(bytes);
  taking_ = false;
  if (upstream_ && phase_ != Phase::kClosed) upstream_->flush();
}

void ClientConnection::take_all(std::string_view bytes) {
  while (!bytes.empty()) {
    switch (phase_) {
      case Phase::kIdle:
        phase_ = Phase::kHead;
        head_sent_ = false;  // that was the last one's
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
        return upstream_->pass(bytes);
      case Phase::kAnswer:
        ahead_.append(bytes);
        return;
      default:
        return;
    }
  }
}

std::string_view ClientConnection::take_head(std::string_view bytes) {
  bytes.remove_prefix(parser_.feed(bytes));
  if (parser_.failed())
    refuse();
  else if (parser_.head_done())
    begin();
  return bytes;
}

// Passed on as it came, with its chunks: the parser has seen that they are what they say.
std::string_view ClientConnection::take_body(std::string_view bytes) {
  const std::size_t taken = parser_.feed(bytes);
  if (parser_.failed()) {
    let_go_of_upstream();
    refuse();
    return {};
  }
  may_repeat_ = false;
  upstream_->pass(bytes.substr(0, taken));
  if (parser_.done()) {
    phase_ = Phase::kAnswer;
    Deadline::end();
    upstream_->watch_the_time();
  } else {
    proxy_.idle_deadlines_.begin(*this, proxy_.loop_.clock().now());
  }
  return bytes.substr(taken);
}

void ClientConnection::begin() {
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
  route_ = proxy_.route(parser_.target());
  if (!route_.function) {
    ++proxy_.counts_.unknown;
    close_after_ = close_after_ || !whole;
    return answer(404, route_.why);
  }
  if (!proxy_.admits(*route_.function)) {
    ++proxy_.counts_.limited;
    close_after_ = close_after_ || !whole;
    return answer(429, "the function has had as many requests as it may\n");
  }
  if (!whole) proxy_.idle_deadlines_.begin(*this, proxy_.loop_.clock().now());
  begin_at_target();
}

void ClientConnection::begin_at_target() {
  const bool whole = parser_.done();
  switch (proxy_.options_.hash_by) {
    case HashBy::kClient:
      key_ = address_key_;
      break;
    case HashBy::kPath:
      key_ = route::key_of(route_.path.substr(0, route_.path.find('?')));
      break;
    case HashBy::kHeader:
      key_ = head_.key().empty() ? address_key_ : route::key_of(head_.key());
      break;
  }
  tried_.clear();
  asked_afresh_ = false;
  if (!choose()) {
    const bool applications_only = head_.was_forwarded();
    close_after_ = close_after_ || !whole;
    ++proxy_.counts_.failed;
    if (route_.function->serves(applications_only)) {
      ++proxy_.counts_.limited;
      return answer(503, "its targets have as many requests as they may\n");
    }
    return answer(503, fmt::format("the function has no target{} in zone {}\n",
                                   applications_only ? " but gateways" : "", proxy_.options_.zone));
  }
  may_repeat_ = whole && wire::http1::is_idempotent(parser_.method());
  if (!whole && parser_.expects_continue() && parser_.minor_version() > 0)
    out_.send("HTTP/1.1 100 Continue\r\n\r\n");
  connect(false, {});
}

// Chooses a target and writes the head that it gets. False: there is none that may have the
// request.
bool ClientConnection::choose() {
  const Function::Wish wish{{proxy_.random_, key_, proxy_.loop_.clock().now()},
                            head_.was_forwarded(),
                            tried_.empty() ? nullptr : &tried_};
  if (!proxy_.begin(*route_.function, wish, exchange_)) return false;
  addresses_tried_ = 0;
  hop_.target = exchange_.target->name();
  request_head_.clear();
  append_request_head(
      request_head_, parser_.method(),
      exchange_.target->is_gateway() ? std::string_view(parser_.target()) : route_.path, head_,
      proxy_.names_, hop_, address_);
  return true;
}

// `body` is what there was of it.
void ClientConnection::connect(bool fresh, std::string_view body) {
  int error = 0;
  upstream_ = proxy_.upstream_to(*exchange_.target, fresh, !may_repeat_, error);
  if (!upstream_) {
    TargetFailure failure;
    const bool no_address = exchange_.target->addresses.empty();
    failure.blameless = error != 0 || no_address;
    failure.status = error != 0 ? 503 : 502;
    failure.why = error != 0   ? "the gateway has no connection left for it"
                  : no_address ? "its name can't be resolved"
                               : "it can't be reached";
    failure.unsent = true;
    failure.held = request_head_;
    failure.held += body;
    return on_failed(std::move(failure));
  }
  upstream_->begin(*this, request_head_, body);
}

// Asks over a new connection, and whatever target holds now.
void ClientConnection::ask_again(std::string_view body) {
  connect(true, body);
  if (upstream_) upstream_->flush();
}

void ClientConnection::on_connected() {
  read_on();
}

void ClientConnection::on_taken() {
  if (phase_ == Phase::kBody || phase_ == Phase::kTunnel) read_on();
}

void ClientConnection::on_interim(int status, const Head& head) {
  // The gateway has said 100 itself, and a client of HTTP/1.0 knows no such answers.
  if (status == 100 || head_sent_ || parser_.minor_version() == 0) return;
  append_interim_head(out_.held(), status, head);
}

void ClientConnection::on_answer_head(const Head& head, int status,
                                      const net::HttpPassage::Answer& answer) {
  head_sent_ = true;
  status_ = status;
  if (status_ == 101) {
    append_answer_head(out_.held(), status_, answer.reason, head, proxy_.names_, hop_, {}, false);
    phase_ = Phase::kTunnel;
    ++proxy_.counts_.upgraded;
    return;
  }
  const bool too_old = parser_.minor_version() == 0;
  // An answer before the request is whole: what is left of the request would be read as another.
  if (phase_ == Phase::kBody || answer.until_close || (too_old && answer.chunked))
    close_after_ = true;
  append_answer_head(out_.held(), status_, answer.reason, head, proxy_.names_, hop_,
                     close_after_ ? "close"
                     : too_old    ? "keep-alive"
                                  : "",
                     too_old && answer.chunked);
}

void ClientConnection::send(std::string_view bytes) {
  out_.pass(bytes);
}

bool ClientConnection::takes_more() const {
  return out_.size() < kUnsentMax;
}

void ClientConnection::flush() {
  const std::size_t before = out_.size();
  if (!out_.flush()) {
    ++proxy_.counts_.cut;
    return close();
  }
  if (out_.size() < before || !Deadline::is_set()) watch_the_reader();
  if (phase_ == Phase::kClosing && out_.size() == 0) linger_or_close();
}

// While an answer waits for its reader it is the reader's time that runs, anew with each piece that
// it takes.
void ClientConnection::watch_the_reader() {
  const bool waits = !takes_more() && upstream_ != nullptr;
  if ((phase_ == Phase::kAnswer && waits) ||
      ((phase_ == Phase::kIdle || phase_ == Phase::kClosing) && out_.size() > 0))
    proxy_.idle_deadlines_.begin(*this, proxy_.loop_.clock().now());
  else if (phase_ == Phase::kAnswer)
    Deadline::end();
}

void ClientConnection::on_answered() {
  ++proxy_.counts_.forwarded;
  upstream_ = nullptr;
  proxy_.end(exchange_,
             status_ >= 500 ? route::Outcome::End::kFailed : route::Outcome::End::kAnswered);
  flush();
  if (phase_ == Phase::kClosed) return;
  if (close_after_ || phase_ != Phase::kAnswer) return end_when_written();
  next();
}

void ClientConnection::on_failed(TargetFailure failure) {
  upstream_ = nullptr;
  if (phase_ == Phase::kTunnel) return end_when_written();
  const std::string_view body =
      std::string_view(failure.held).substr(std::min(failure.held.size(), request_head_.size()));
  if (failure.unsent && ++addresses_tried_ < exchange_.target->addresses.size())
    return ask_again(body);
  if (failure.unseen && may_repeat_ && !asked_afresh_) {
    asked_afresh_ = true;
    ++proxy_.counts_.retried;
    return ask_again({});
  }
  const auto outcome =
      failure.blameless ? route::Outcome::End::kGivenUp : route::Outcome::End::kFailed;
  const std::string failed_at(hop_.target);  // the target itself may be gone with its exchange
  Target* const target = exchange_.target;
  const bool may_move =
      !head_sent_ && (failure.unsent || may_repeat_) && tried_.size() < proxy_.options_.retries;
  if (may_move) {
    tried_.push_back(target);
    Function::Exchange before = std::exchange(exchange_, {});
    const bool moved = choose();
    proxy_.end(before, outcome);
    if (moved) {
      ++proxy_.counts_.moved;
      return ask_again(body);
    }
  } else {
    proxy_.end(exchange_, outcome);
  }
  hop_.target = failed_at;
  if (head_sent_) {  // it can only be seen to be cut
    ++proxy_.counts_.cut;
    flush();
    return close();
  }
  ++proxy_.counts_.failed;
  close_after_ = close_after_ || phase_ != Phase::kAnswer;
  answer(failure.status, fmt::format("{}: {}\n", failed_at, failure.why));
  if (phase_ != Phase::kAnswer) hop_.target = {};
}

// Statuses that say nothing of the request, but that this target can't serve it now.
bool ClientConnection::rather_elsewhere(int status) {
  if (tried_.size() >= proxy_.options_.retries || !may_repeat_) return false;
  if (status != 502 && status != 503 && status != 504) return false;
  tried_.push_back(exchange_.target);
  left_ = std::exchange(exchange_, {});
  if (choose()) return true;
  exchange_ = std::exchange(left_, {});
  return false;
}

void ClientConnection::go_elsewhere() {
  upstream_ = nullptr;
  proxy_.end(left_, route::Outcome::End::kFailed);
  ++proxy_.counts_.moved;
  ask_again({});
}

// An answer of our own; of an exchange with a target it says so in the headers.
void ClientConnection::answer(int status, std::string_view text) {
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

void ClientConnection::refuse() {
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
      return answer(400, "that isn't a request that can be passed on\n");
  }
}

// The exchange is over; the connection goes on.
void ClientConnection::next() {
  hop_.target = {};
  phase_ = Phase::kIdle;
  net::shrink(request_head_);
  proxy_.idle_deadlines_.begin(*this, proxy_.loop_.clock().now());
  if (taking_) return;  // who takes goes on
  if (!ahead_.empty()) {
    const std::string ahead = std::exchange(ahead_, {});
    take(ahead);
  }
  if (phase_ != Phase::kClosed && readable_) read_on();
}

void ClientConnection::end_when_written() {
  // Closed with bytes unread, a connection is reset, and the answer with it.
  lingers_ = lingers_ || phase_ == Phase::kIdle || phase_ == Phase::kHead ||
             phase_ == Phase::kBody || !ahead_.empty();
  let_go_of_upstream();
  if (out_.size() == 0) return linger_or_close();
  phase_ = Phase::kClosing;
  proxy_.idle_deadlines_.begin(*this, proxy_.loop_.clock().now());
}

void ClientConnection::linger_or_close() {
  if (!lingers_ || ends_) return close();
  stream_->end_writing();
  phase_ = Phase::kLinger;
  proxy_.linger_deadlines_.begin(*this, proxy_.loop_.clock().now());
  if (!taking_) read_on();
}

}  // namespace galileo::gateway
