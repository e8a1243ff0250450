#include "net/http_call.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "base/text.h"

namespace galileo::net {

HttpCall::HttpCall(HttpPeer& peer, Duration within, Within what)
    : peer_(peer), within_(within), kind_(what), timer_([this](Time) { time_out(); }) {
  answer_.want_headers = true;
  answer_.want_body = std::numeric_limits<std::size_t>::max();
  capture = &answer_;
  timeout = kNoTimeout;
  in_pieces = true;
  repeatable = true;
}

HttpCall::~HttpCall() {
  if (under_way_) peer_.abandon(*this);
}

void HttpCall::start(std::string request, Handlers handlers) {
  request_ = std::move(request);
  bytes = request_;
  handlers_ = std::move(handlers);
  under_way_ = true;
  Loop& loop = peer_.loop();
  loop.timers().set(timer_, loop.clock().now() + within_);
  peer_.send(*this);
}

void HttpCall::on_piece(std::string_view piece) {
  Loop& loop = peer_.loop();
  if (kind_ == Within::kHead && status >= 0) loop.timers().cancel(timer_);
  if (kind_ == Within::kPiece) loop.timers().set(timer_, loop.clock().now() + within_);
  if (status >= 0 && !std::exchange(head_told_, true) && handlers_.on_head)
    handlers_.on_head(status);
  if (!piece.empty() && handlers_.on_body) handlers_.on_body(status, piece);
}

void HttpCall::time_out() {
  timed_out_ = true;
  peer_.time_out(*this);
}

void HttpCall::on_done() {
  under_way_ = false;
  peer_.loop().timers().cancel(timer_);
  if (!handlers_.on_end) return;
  if (failure == wire::Failure::none) return handlers_.on_end(status);
  handlers_.on_end(
      Error{ErrorCode::kUnavailable, "no answer", peer_.host_port(), why_failed(), {}});
}

bool HttpCall::never_left() const {
  switch (failure) {
    case wire::Failure::no_address:
    case wire::Failure::no_connection:
    case wire::Failure::no_socket:
    case wire::Failure::connect_refused:
    case wire::Failure::connect_timeout:
    case wire::Failure::connect_failed:
      return true;
    default:
      return false;
  }
}

std::string HttpCall::why_failed() const {
  if (timed_out_) return "no answer within " + format_duration(within_);
  if (!why.empty()) return why;
  if (error != 0) return system_error({}, {}, error).why;
  switch (failure) {
    case wire::Failure::no_address:
      return "its name can't be resolved";
    case wire::Failure::closed:
      return "the connection was closed";
    case wire::Failure::bad_response:
    case wire::Failure::head_too_large:
      return "its answer is no HTTP";
    default:
      return std::string(wire::failure_text(failure));
  }
}

}  // namespace galileo::net
