#include <limits>

#include "gateway/connections.h"

namespace galileo::gateway {

Upstream::Upstream(Proxy& proxy, Target& target)
    : proxy_(proxy), target_(target), parser_(proxy.options_.limits), head_(proxy.names_, *this) {
  parser_.headers_into(&head_);
}

bool Upstream::connect(const net::Address& address, int& error) {
  stream_ = proxy_.connector_.connect(address, *this, error);
  out_.set_stream(stream_.get());
  if (stream_) proxy_.connect_deadlines_.begin(*this, proxy_.loop_.clock().now());
  return stream_ != nullptr;
}

void Upstream::begin(ClientConnection& client, bool head_only) {
  client_ = &client;
  tunnels_ = body_as_text_ = false;
  parser_.start(head_only);
  if (connected_) watch_the_time();
}

// The target has its time to answer once all of the request is there, and to take what there is of
// it; while the client is slow to send or to read, it is the client's time that runs.
void Upstream::watch_the_time() {
  if (!connected_ || !client_ || tunnels_) return;
  if (client_->takes_more() && (client_->request_is_whole() || out_.size() > 0))
    proxy_.answer_deadlines_.begin(*this, proxy_.loop_.clock().now());
  else
    Deadline::end();
}

void AnswerHead::on_interim(int status) {
  finish();
  upstream_.on_interim(status);
}

void Upstream::on_interim(int status) {
  client_->on_interim(status, head_);
}

void Upstream::flush() {
  if (!connected_ || closed_) return;
  const std::size_t before = out_.size();
  if (out_.flush()) {
    if (before > 0 && client_ && !client_->request_is_whole()) watch_the_time();
    return;
  }
  // It takes no more. Where it answered before it closed, that is still there to be read.
  out_.clear();
  readable_ = true;
  read_on();
}

void Upstream::close() {
  if (closed_) return;
  closed_ = true;
  client_ = nullptr;
  Deadline::end();
  stream_.reset();
  proxy_.forget(*this);
}

void Upstream::timed_out() {
  fail(504, connected_ ? "it didn't answer in time" : "it didn't take the connection in time",
       true);
}

void Upstream::on_stream(net::StreamEvents events) {
  if (closed_) return;
  if (!connected_) {
    if (!events.writable && !events.closed) return;
    if (const int error = stream_->connect_error())
      return fail(502, system_error("it can't be reached", {}, error).why);
    if (!events.writable) return;
    connected();
    if (closed_) return;
  } else if (events.writable && out_.size() > 0) {
    flush();
    if (closed_) return;
    if (out_.size() == 0 && client_) client_->on_taken();
    if (closed_) return;
  }
  if (events.readable || events.closed) readable_ = true;
  if (events.closed) ends_ = true;
  read_on();
}

void Upstream::connected() {
  connected_ = true;
  Deadline::end();
  if (!client_) return;
  watch_the_time();
  flush();
  if (!closed_) client_->on_connected();
}

bool Upstream::is_open() {
  if (ends_ || closed_) return false;
  return stream_->read(proxy_.buffer_.get(), Proxy::kBufferSize).status ==
         net::Transfer::Status::kWouldBlock;
}

void Upstream::read_on() {
  const bool waited = client_ && !Deadline::is_set();
  read_all();
  // The client has begun or ceased to be the one who is waited for.
  if (client_ && (waited || !client_->takes_more())) watch_the_time();
}

void Upstream::read_all() {
  while (readable_ && !closed_ && connected_ && (!client_ || client_->takes_more())) {
    const net::Transfer transfer = stream_->read(proxy_.buffer_.get(), Proxy::kBufferSize);
    if (transfer.status == net::Transfer::Status::kWouldBlock) {
      readable_ = false;
      return;
    }
    if (transfer.status != net::Transfer::Status::kDone) return ended();
    if (transfer.bytes < Proxy::kBufferSize && !ends_) readable_ = false;
    if (!take({proxy_.buffer_.get(), transfer.bytes})) return;
  }
}

// False: this connection is no longer the client's.
bool Upstream::take(std::string_view bytes) {
  // Nobody has asked: whatever that is, it's not the answer to the next request.
  if (!client_) {
    close();
    return false;
  }
  if (tunnels_) {
    client_->send(bytes);
    client_->flush();
    return !closed_;
  }
  if (!parser_.head_done() && !take_head(bytes)) return false;
  if (!tunnels_ && !parser_.done()) {
    capture_.body.clear();
    const std::size_t taken = parser_.feed(bytes);
    if (parser_.failed()) {
      fail(502, "its answer is malformed");
      return false;
    }
    client_->send(body_as_text_ ? std::string_view(capture_.body) : bytes.substr(0, taken));
    bytes.remove_prefix(taken);
    watch_the_time();
  }
  if (tunnels_) client_->send(bytes);
  if (parser_.done() && !tunnels_) {
    // More than the answer: not to be trusted with another request.
    if (!bytes.empty()) readable_ = true;
    over(bytes.empty() && parser_.keep_alive() && !ends_);
    return false;
  }
  client_->flush();
  return !closed_;
}

// Takes its bytes off. False: the exchange has ended.
bool Upstream::take_head(std::string_view& bytes) {
  bytes.remove_prefix(parser_.feed(bytes));
  if (parser_.failed()) {
    fail(502, "its answer is malformed");
    return false;
  }
  if (!parser_.head_done()) return true;
  head_.finish();
  if (parser_.status() == 101 && !(head_.upgrades() && client_->may_upgrade())) {
    fail(502, "it changes the protocol unasked");
    return false;
  }
  if (client_->rather_elsewhere(parser_.status())) {
    leave_to_another();
    return false;
  }
  body_as_text_ = parser_.chunked() && client_->want_body_text();
  capture_.want_body = body_as_text_ ? std::numeric_limits<std::size_t>::max() : 0;
  parser_.capture_into(body_as_text_ ? &capture_ : nullptr);
  client_->on_answer_head(head_, parser_);
  return true;
}

// The target has closed, or the connection broke.
void Upstream::ended() {
  if (!client_) return close();
  if (tunnels_) return fail(502, {});
  parser_.finish();
  if (parser_.done() && parser_.until_close()) return over(false);
  fail(502, parser_.bytes() == 0 ? "it closed without an answer" : "its answer was cut");
}

void Upstream::fail(int status, std::string_view why, bool timed_out) {
  ClientConnection* const client = client_;
  // One that is slow has most likely seen it.
  const bool unseen = reused_ && parser_.bytes() == 0 && !timed_out;
  Failure failure{status, why, false, !connected_, unseen, {}};
  if (!connected_) {
    ++target_.address_turn;  // the next one is tried at another address
    failure.held = out_.take();
  }
  close();
  if (client) client->on_failed(std::move(failure));
}

void Upstream::leave_to_another() {
  ClientConnection* const client = client_;
  close();
  client->go_elsewhere();
}

void Upstream::over(bool keep) {
  ClientConnection* const client = std::exchange(client_, nullptr);
  const bool by_close = parser_.until_close();
  Deadline::end();
  reused_ = true;
  // What of the request isn't out yet never will be.
  if (keep && out_.size() == 0 && client->request_is_whole())
    proxy_.put_back(*this);
  else
    close();
  client->on_answered(by_close);
}

}  // namespace galileo::gateway
