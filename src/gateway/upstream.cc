#include <limits>

#include "gateway/connections.h"

namespace galileo::gateway {

Upstream::Upstream(Proxy& proxy, Target& target)
    : proxy_(proxy), target_(target), head_(proxy.names_, *this) {}

bool Upstream::connect(const net::Address& address, int& failed) {
  stream_ = proxy_.connector_.connect(address, *this, failed);
  if (stream_) proxy_.connect_deadlines_.begin(*this, proxy_.loop_.clock().now());
  return stream_ != nullptr;
}

void Upstream::begin(ClientConnection& client, std::string_view head, std::string_view body) {
  client_ = &client;
  tunnels_ = false;
  capture = nullptr;
  expects_no_body = client.asks_head_only();
  request_is_whole = client.request_is_whole();
  if (session_) session_->begin(*this, proxy_.options_.limits);
  request.held().append(head).append(body);
  watch_the_time();
}

void Upstream::pass(std::string_view piece) {
  if (session_)
    session_->pass(*this, piece);
  else
    request.held().append(piece);
}

// The target has its time to answer once all of the request is there, and to take what there is of
// it; while the client is slow to send or to read, it is the client's time that runs.
void Upstream::watch_the_time() {
  if (!client_) return;
  request_is_whole = client_->request_is_whole();
  if (!session_ || tunnels_) return;
  if (client_->takes_more() && (request_is_whole || request.size() > 0))
    proxy_.answer_deadlines_.begin(*this, proxy_.loop_.clock().now());
  else
    Deadline::end();
}

void AnswerHead::on_interim(int status) {
  finish();
  upstream_.on_interim(status);
}

void Upstream::on_interim(int interim) {
  client_->on_interim(interim, head_);
}

void Upstream::flush() {
  if (!session_ || closed_) return;
  const std::size_t before = request.size();
  const net::HttpSession::Outcome outcome = session_->on_writable();
  if (before > 0 && client_ && !request_is_whole) watch_the_time();
  wrote(outcome);
}

// Where it takes no more it may have answered before it closed, and that is still there to be read.
void Upstream::wrote(const net::HttpSession::Outcome& outcome) {
  if (outcome.kind == net::HttpSession::Outcome::Kind::kGoesOn) return;
  readable_ = true;
  read_on();
}

void Upstream::close() {
  if (closed_) return;
  closed_ = true;
  client_ = nullptr;
  if (session_ && session_->under_way()) session_->drop(*this);
  Deadline::end();
  stream_.reset();
  proxy_.forget(*this);
}

void Upstream::timed_out() {
  fail(504, session_ ? "it didn't answer in time" : "it didn't take the connection in time");
}

void Upstream::on_stream(net::StreamEvents events) {
  if (closed_) return;
  if (!session_) {
    if (!events.writable && !events.closed) return;
    if (const int failed = stream_->connect_error())
      return fail(502, system_error("it can't be reached", {}, failed).why);
    if (!events.writable) return;
    connected();
    if (closed_) return;
  } else if (events.writable && request.size() > 0) {
    flush();
    if (closed_) return;
    if (request.size() == 0 && client_) client_->on_taken();
    if (closed_) return;
  }
  if (events.readable || events.closed) readable_ = true;
  if (events.closed) ends_ = true;
  read_on();
}

void Upstream::connected() {
  session_ = net::make_http_session(*stream_, proxy_.loop_.clock(),
                                    std::span(proxy_.target_buffer_.get(), Proxy::kBufferSize));
  Deadline::end();
  if (!client_) return;
  wrote(session_->begin(*this, proxy_.options_.limits));
  if (!client_) return;
  watch_the_time();
  client_->on_connected();
}

bool Upstream::is_open() {
  if (ends_ || closed_) return false;
  return session_->on_readable(false).kind == net::HttpSession::Outcome::Kind::kGoesOn;
}

void Upstream::read_on() {
  const bool waited = client_ && !Deadline::is_set();
  read_all();
  // The client has begun or ceased to be the one who is waited for.
  if (client_ && (waited || !client_->takes_more())) watch_the_time();
}

void Upstream::read_all() {
  using Kind = net::HttpSession::Outcome::Kind;
  while (readable_ && !closed_ && session_ && (!client_ || client_->takes_more())) {
    const net::HttpSession::Outcome outcome = session_->on_readable(ends_);
    if (closed_) return;
    readable_ = outcome.more;
    if (outcome.kind == Kind::kBroken) return broken(outcome.failure);
    if (outcome.kind == Kind::kAnswered) return on_done();
    if (!client_) continue;
    watch_the_time();
    client_->flush();
  }
}

void Upstream::on_head(const Answer& answer) {
  head_.finish();
  if (status == 101 && !(head_.upgrades() && client_->may_upgrade()))
    return fail(502, "it changes the protocol unasked");
  if (client_->rather_elsewhere(status)) {
    ClientConnection* const client = client_;
    close();
    return client->go_elsewhere();
  }
  tunnels_ = status == 101;
  if (tunnels_) Deadline::end();
  if (answer.chunked && client_->want_body_text()) {
    text_.want_body = std::numeric_limits<std::size_t>::max();
    capture = &text_;
  }
  client_->on_answer_head(head_, status, answer);
}

void Upstream::on_bytes(std::string_view piece) {
  client_->send(piece);
}

void Upstream::broken(wire::Failure how) {
  // Nobody has asked: whatever came, it's not the answer to the next request.
  if (!client_) return close();
  if (how != wire::Failure::closed && how != wire::Failure::reset)
    return fail(502, "its answer is malformed");
  if (tunnels_) return fail(502, {});
  const bool silent = session_->drop(*this) == 0;
  fail(502, silent ? "it closed without an answer" : "its answer was cut", reused_ && silent);
}

void Upstream::fail(int for_client, std::string_view reason, bool unseen) {
  ClientConnection* const client = client_;
  TargetFailure failed{for_client, reason, false, !session_, unseen, {}};
  if (!session_) {
    ++target_.address_turn;  // the next one is tried at another address
    failed.held = request.take();
  }
  close();
  if (client) client->on_failed(std::move(failed));
}

void Upstream::on_done() {
  ClientConnection* const client = std::exchange(client_, nullptr);
  Deadline::end();
  reused_ = true;
  if (session_->can_take() && !ends_)
    proxy_.put_back(*this);
  else
    close();
  client->on_answered();
}

}  // namespace galileo::gateway
