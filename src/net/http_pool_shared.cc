// The pool's connections that carry several exchanges at once. A connection that can take one more
// is in its target's list; who needs a place takes the last one there, so that as few are used as
// can be, or one after the other where the target has a number of connections that share its load.
#include <algorithm>

#include "net/http_connection.h"

namespace galileo::net {
namespace {

using wire::Failure;

// Exchanges that wait for one connection to be made, where its streams have no other limit: what a
// server may be sent before it has said how many it takes.
constexpr std::size_t kJoinedMax = 100;

}  // namespace

void HttpPool::dispatch_shared(HttpExchange& exchange) {
  HttpTarget& target = *exchange.target_;
  // What a server has refused goes to a connection that is new to it.
  const bool wants_another = target.may_open() && (target.way_.connections > 0 || exchange.retried);
  HttpConnection* place = wants_another ? nullptr : place_of(target);
  if (place) return use(*place, exchange);
  HttpConnection* made = wants_another && !exchange.retried ? nullptr : connecting_of(target);
  if (made) return join(*made, exchange);
  if (target.may_open() && make_room())
    return connect(exchange, static_cast<int>(target.addresses_.size()) - 1);
  if (wants_another) place = place_of(target);
  if (place) return use(*place, exchange);
  if (wants_another) made = connecting_of(target);
  if (made) return join(*made, exchange);
  wait(exchange);
}

HttpConnection* HttpPool::place_of(HttpTarget& target) {
  std::vector<HttpConnection*>& list = target.with_places_;
  if (list.empty()) return nullptr;
  if (target.way_.connections == 0) return list.back();
  return list[target.place_turn_++ % list.size()];
}

// The one that the fewest wait for; null: none is being made, or enough wait for each.
HttpConnection* HttpPool::connecting_of(const HttpTarget& target) const {
  if (target.connecting_.empty() || target.agrees_on_older_) return nullptr;
  const auto waits = [](const HttpConnection* one) { return one->joined_.size(); };
  HttpConnection* const least =
      *std::min_element(target.connecting_.begin(), target.connecting_.end(),
                        [&](const auto* a, const auto* b) { return waits(a) < waits(b); });
  const std::size_t most = target.way_.closes        ? 1
                           : target.way_.streams > 0 ? target.way_.streams
                                                     : kJoinedMax;
  return waits(least) + 1 < most ? least : nullptr;
}

bool HttpPool::has_place(const HttpTarget& target) const {
  return !target.with_places_.empty() || connecting_of(target) != nullptr;
}

HttpConnection* HttpPool::idle_shared(const HttpTarget& target) {
  for (HttpConnection* const one : target.with_places_) {
    if (one->phase_ == HttpConnection::Phase::kIdle) return one;
  }
  return nullptr;
}

void HttpPool::join(HttpConnection& connection, HttpExchange& exchange) {
  const Time now = clock_.now();
  if (exchange.dispatched == kNever) exchange.dispatched = now;
  exchange.sent = now;
  exchange.connection_ = &connection;
  connection.joined_.push_back(&exchange);
}

// The exchange that the failed connection was made for has begun another, at the next address, or
// is over.
void HttpPool::rejoin(HttpConnection& failed, HttpExchange& exchange) {
  HttpConnection* const next = exchange.connection_;
  const bool connects = next && &next->target_ == &failed.target_ &&
                        next->phase_ == HttpConnection::Phase::kConnecting;
  if (!connects) return fail_joined(failed, Failure::no_socket, 0, {});
  for (HttpExchange* const joined : std::exchange(failed.joined_, {})) {
    joined->connection_ = next;
    next->joined_.push_back(joined);
  }
}

void HttpPool::fail_joined(HttpConnection& failed, Failure failure, int error,
                           const std::string& why) {
  while (!failed.joined_.empty()) {
    HttpExchange& exchange = *failed.joined_.front();
    failed.joined_.erase(failed.joined_.begin());
    exchange.connection_ = nullptr;
    exchange.error = error;
    exchange.why = why;
    finish(exchange, failure);
  }
}

// Connected, and it is known what is spoken there. Those that waited for it go on as they came;
// whom it can't take looks for another.
void HttpPool::agreed(HttpConnection& connection, HttpExchange& first) {
  HttpTarget& target = connection.target_;
  std::erase(target.connecting_, &connection);
  connection.shares_ = connection.session_->shares();
  target.agrees_on_older_ = !connection.shares_;
  connection.begin(first);
  while (!connection.joined_.empty()) {
    HttpExchange& exchange = *connection.joined_.front();
    connection.joined_.erase(connection.joined_.begin());
    exchange.connection_ = nullptr;
    const bool takes = connection.shares_ && connection.phase_ != HttpConnection::Phase::kClosed &&
                       connection.session_->can_take();
    if (takes)
      connection.begin(exchange);
    else
      dispatch(exchange);
  }
}

void HttpPool::begun(HttpConnection& connection) {
  if (connection.phase_ == HttpConnection::Phase::kClosed) return;
  if (connection.target_.way_.closes) connection.session_->retire();
  note_places(connection);
  write_later(connection);
}

// What isn't an answer.
void HttpPool::take(HttpConnection& connection, const HttpSession::Outcome& outcome) {
  using Kind = HttpSession::Outcome::Kind;
  if (outcome.kind == Kind::kBroken) return broken(connection, outcome.failure);
  HttpExchange& exchange = *outcome.exchange;
  exchange.connection_ = nullptr;
  if (outcome.kind == Kind::kUnprocessed) return unprocessed(connection, exchange);
  place_free(connection);
  finish(exchange, outcome.failure);
  serve_waiting();
}

// Sent again once. What was never written is sent as if for the first time.
void HttpPool::unprocessed(HttpConnection& connection, HttpExchange& exchange) {
  place_free(connection);
  if (exchange.retried) {
    finish(exchange, Failure::http2_refused);
    serve_waiting();
    return;
  }
  exchange.retried = exchange.sent != kNever;
  exchange.sent = exchange.first_byte = kNever;
  exchange.response_bytes = 0;
  dispatch(exchange);
}

void HttpPool::broken_shared(HttpConnection& connection, Failure failure) {
  const std::vector<HttpExchange*> under_way = connection.all();
  const bool stale =
      connection.used_before_ && (failure == Failure::closed || failure == Failure::reset);
  std::vector<HttpExchange*> again;
  std::vector<HttpExchange*> failed;
  for (HttpExchange* const exchange : under_way) {
    // The server closed the idle connection while the request was on its way: nobody's fault.
    const bool repeats = stale && !connection.session_->heard_since(*exchange) &&
                         exchange->repeatable && !exchange->retried;
    exchange->response_bytes = connection.drop(*exchange);
    (repeats ? again : failed).push_back(exchange);
  }
  close(connection);
  for (HttpExchange* const exchange : again) {
    exchange->retried = true;
    dispatch(*exchange);
  }
  for (HttpExchange* const exchange : failed) finish(*exchange, failure);
  serve_waiting();
}

// Its stream is reset and the others go on. A connection from which nothing came for the whole
// time-out gets no further exchange: it may lead nowhere any more.
void HttpPool::timed_out_shared(HttpConnection& connection, HttpExchange& exchange) {
  if (!connection.session_->heard_since(exchange)) connection.session_->retire();
  exchange.response_bytes = connection.drop(exchange);
  given_up(connection);
  finish(exchange, Failure::timeout);
  serve_waiting();
}

void HttpPool::given_up(HttpConnection& connection) {
  ++given_up_;
  write_later(connection);
  place_free(connection);
}

// Puts the connection into its target's list or takes it out; one that takes no more exchanges, and
// has none, is closed.
void HttpPool::note_places(HttpConnection& connection) {
  if (connection.phase_ == HttpConnection::Phase::kClosed) return;
  HttpSession& session = *connection.session_;
  if (session.retired() && !std::exchange(connection.leaving_, true)) {
    ++leaving_;
    --connection.target_.open_;
  }
  const bool is_idle = session.under_way() == nullptr;
  connection.phase_ = is_idle ? HttpConnection::Phase::kIdle : HttpConnection::Phase::kBusy;
  if (is_idle && connection.leaving_) return close(connection);
  std::vector<HttpConnection*>& list = connection.target_.with_places_;
  if (session.can_take() == connection.has_place_) return;
  if (connection.has_place_) {
    list[connection.place_index_] = list.back();
    list[connection.place_index_]->place_index_ = connection.place_index_;
    list.pop_back();
  } else {
    connection.place_index_ = list.size();
    list.push_back(&connection);
  }
  connection.has_place_ = !connection.has_place_;
}

// Of one that is closed.
void HttpPool::forget_places(HttpConnection& connection) {
  std::vector<HttpConnection*>& list = connection.target_.with_places_;
  if (std::exchange(connection.has_place_, false)) {
    list[connection.place_index_] = list.back();
    list[connection.place_index_]->place_index_ = connection.place_index_;
    list.pop_back();
  }
  if (connection.phase_ == HttpConnection::Phase::kConnecting)
    std::erase(connection.target_.connecting_, &connection);
  if (connection.writes_later_) std::erase(unwritten_, &connection);
  if (connection.leaving_) --leaving_;
}

// It may have a place, which those that wait get first.
void HttpPool::place_free(HttpConnection& connection) {
  note_places(connection);
  while (waiting_first_ && connection.phase_ != HttpConnection::Phase::kClosed &&
         connection.session_->can_take()) {
    HttpExchange* const next = next_waiting_for(connection.target_);
    if (!next) return;
    end_wait(*next);
    use(connection, *next);
  }
}

// Once for all that a turn brings: frames of many exchanges go out together.
void HttpPool::write_later(HttpConnection& connection) {
  if (connection.phase_ == HttpConnection::Phase::kClosed) return;
  if (!std::exchange(connection.writes_later_, true)) unwritten_.push_back(&connection);
}

void HttpPool::write_now() {
  while (!unwritten_.empty()) {
    HttpConnection& connection = *unwritten_.back();
    unwritten_.pop_back();
    connection.writes_later_ = false;
    connection.wrote(connection.session_->on_writable());
    place_free(connection);
  }
}

}  // namespace galileo::net
