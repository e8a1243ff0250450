#include "net/http1_session.h"

#include <utility>

namespace galileo::net {
namespace {

using wire::Failure;
using Kind = HttpSession::Outcome::Kind;

Failure failure_of(wire::http1::Problem problem) {
  switch (problem) {
    case wire::http1::Problem::head_too_large:
      return Failure::head_too_large;
    case wire::http1::Problem::body_too_large:
      return Failure::body_too_large;
    case wire::http1::Problem::cut:
      return Failure::closed;
    default:
      return Failure::bad_response;
  }
}

HttpSession::Outcome broken(Failure failure) {
  return {Kind::kBroken, failure};
}

}  // namespace

HttpSession::Outcome Http1Session::begin(HttpExchange& exchange,
                                         const wire::http1::Limits& answer) {
  exchange_ = &exchange;
  written_ = 0;
  parser_.bound_by(answer);
  parser_.capture_into(exchange.capture);
  parser_.want_redirect(exchange.want_redirect);
  parser_.start(exchange.expects_no_body);
  HttpPassage* const passage = exchange.passes ? static_cast<HttpPassage*>(&exchange) : nullptr;
  parser_.headers_into(passage ? &passage->headers() : nullptr);
  if (passage) passage->request.set_stream(&stream_);
  return on_writable();
}

HttpSession::Outcome Http1Session::on_writable() {
  if (!exchange_) return {};
  if (exchange_->passes) return write_passage();
  if (written_ == exchange_->bytes.size()) return {};
  if (written_ == 0) exchange_->sent = clock_.now();
  while (written_ < exchange_->bytes.size()) {
    const Transfer transfer = stream_.write(exchange_->bytes.substr(written_));
    if (transfer.status == Transfer::Status::kWouldBlock) break;
    if (transfer.status != Transfer::Status::kDone) {
      const Failure failure = failed(transfer.error);
      return written_ > 0 ? Outcome{Kind::kReadFirst} : broken(failure);
    }
    written_ += transfer.bytes;
  }
  return {};
}

// A peer that takes no more may have answered before, whatever of the request it has.
HttpSession::Outcome Http1Session::write_passage() {
  Outlet& request = static_cast<HttpPassage&>(*exchange_).request;
  if (request.flush()) return {};
  request.clear();
  closing_ = true;
  return {Kind::kReadFirst};
}

void Http1Session::pass(HttpPassage& passage, std::string_view bytes) {
  passage.request.pass(bytes);
}

// A read that comes up short means for a socket that there is no more; where the peer has closed,
// the next one finds the end.
HttpSession::Outcome Http1Session::on_readable(bool closed) {
  closing_ = closing_ || closed;
  const Transfer transfer = stream_.read(buffer_.data(), buffer_.size());
  switch (transfer.status) {
    case Transfer::Status::kDone: {
      if (exchange_) exchange_->read_late = transfer.lay.value_or(Duration{0});
      const std::string_view bytes(buffer_.data(), transfer.bytes);
      Outcome outcome = exchange_ && exchange_->passes
                            ? take_passage(static_cast<HttpPassage&>(*exchange_), bytes)
                            : take(bytes);
      outcome.more = transfer.bytes == buffer_.size() || closed;
      return outcome;
    }
    case Transfer::Status::kWouldBlock:
      return {};
    case Transfer::Status::kEnd:
      return ended(Failure::closed);
    case Transfer::Status::kFailed: {
      const Failure failure = failed(transfer.error);
      // One that closes with some of a request unread resets, also behind a body that it has sent
      // whole. Who measures calls that a failure; who passes on has passed it on by now.
      return exchange_ && exchange_->passes ? ended(failure) : broken(failure);
    }
  }
  return {};
}

HttpSession::Outcome Http1Session::ended(Failure failure) {
  if (!exchange_ || tunnels_) return broken(failure);
  // Where the end is the body's it must be the peer's own: anyone on the way can end a connection.
  if (parser_.until_close() && stream_.was_cut()) return broken(failure);
  parser_.finish();
  return parser_.done() ? answered() : broken(failure);
}

HttpSession::Outcome Http1Session::take(std::string_view bytes) {
  // A server that talks without being asked can't be trusted with the next request.
  if (!exchange_) return broken(Failure::bad_response);
  if (exchange_->first_byte == kNever) exchange_->first_byte = clock_.now();
  if (exchange_->in_pieces) exchange_->capture->body.clear();
  const std::size_t taken = parser_.feed(bytes);
  if (parser_.failed()) return broken(failure_of(parser_.problem()));
  if (exchange_->in_pieces) {
    if (parser_.head_done()) exchange_->status = parser_.status();
    exchange_->on_piece(exchange_->capture->body);
    if (!exchange_) return {};  // abandoned
  }
  if (!parser_.done()) return {};
  if (taken < bytes.size()) closing_ = true;  // more than the answer: not to be trusted again
  return answered();
}

HttpSession::Outcome Http1Session::take_passage(HttpPassage& passage, std::string_view bytes) {
  if (!tunnels_ && !parser_.head_done()) {
    bytes.remove_prefix(parser_.feed(bytes));  // no more than the head, as there is a sink
    if (parser_.failed()) return broken(failure_of(parser_.problem()));
    if (!parser_.head_done()) return {};
    passage.status = parser_.status();
    passage.on_head({parser_.reason(), parser_.chunked(), parser_.until_close()});
    if (!exchange_) return {};  // dropped
    parser_.capture_into(passage.capture);
    tunnels_ = passage.status == 101;
  }
  if (tunnels_) {
    if (!bytes.empty()) passage.on_bytes(bytes);
    return {};
  }
  if (!parser_.done() && !bytes.empty()) {
    if (passage.capture) passage.capture->body.clear();
    const std::size_t taken = parser_.feed(bytes);
    if (parser_.failed()) return broken(failure_of(parser_.problem()));
    passage.on_bytes(passage.capture ? std::string_view(passage.capture->body)
                                     : bytes.substr(0, taken));
    bytes.remove_prefix(taken);
    if (!exchange_) return {};
  }
  if (!parser_.done()) return {};
  if (!bytes.empty()) closing_ = true;  // more than the answer: not to be trusted again
  return answered();
}

HttpSession::Outcome Http1Session::answered() {
  HttpExchange& exchange = *std::exchange(exchange_, nullptr);
  exchange.status = parser_.status();
  exchange.response_bytes = parser_.bytes();
  if (exchange.want_redirect) {
    exchange.location = parser_.location();
    exchange.set_cookies = parser_.set_cookies();
  }
  clean_ = parser_.keep_alive() && !closing_ && written_ == exchange.bytes.size();
  if (exchange.passes) {
    const HttpPassage& passage = static_cast<HttpPassage&>(exchange);
    clean_ = clean_ && passage.request_is_whole && passage.request.size() == 0;
  }
  return {Kind::kAnswered, Failure::none, false, &exchange};
}

// The connection of which a read or write failed: what of, TLS or the connection itself.
Failure Http1Session::failed(int error) {
  if (exchange_) {
    exchange_->error = error;
    exchange_->why = stream_.failure();
  }
  const Failure by_tls = stream_.tls_failure();
  return by_tls != Failure::none ? by_tls : Failure::reset;
}

std::uint64_t Http1Session::drop(HttpExchange&) {
  exchange_ = nullptr;
  clean_ = false;
  return parser_.bytes();
}

}  // namespace galileo::net
