#include "net/http_pool.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "net/http_connection.h"

namespace galileo::net {
namespace {

using wire::Failure;

// How far down the waiting list a freed connection looks for a request to its own target before it
// gives its place to the oldest request of all.
constexpr int kWaitingScan = 64;

// Each read is of a whole buffer: some 50 us.
constexpr int kReadsATurn = 4;

Failure connect_failure(int error) {
  return error == ECONNREFUSED ? Failure::connect_refused
         : error == ETIMEDOUT  ? Failure::connect_timeout
                               : Failure::connect_failed;
}

}  // namespace

void HttpConnection::on_stream(StreamEvents events) {
  const HttpPool::Visit visit(pool_);
  if (phase_ == Phase::kConnecting && (events.writable || events.closed)) connected();
  if (phase_ == Phase::kBusy && events.writable) wrote(session_->on_writable());
  if (shares_ && phase_ != Phase::kClosed) pool_.write_later(*this);
  if ((events.readable || events.closed) && phase_ != Phase::kConnecting &&
      phase_ != Phase::kClosed)
    read(events.closed);
}

void HttpConnection::connected() {
  const int error = stream_->connect_error();
  if (error == EINPROGRESS || error == EALREADY) return;
  if (error != 0) {
    opened_for_->error = error;
    opened_for_->why = stream_->failure();
    const Failure by_tls = stream_->tls_failure();
    if (by_tls != Failure::none) attempts_left_ = 0;  // another address has the same certificate
    pool_.connect_failed(*this, by_tls != Failure::none ? by_tls : connect_failure(error));
    return;
  }
  if (const auto agreed = stream_->handshake()) opened_for_->handshake = agreed->took;
  connect_deadline_.end();
  session_ = make_http_session(*stream_, pool_.clock_,
                               std::span(pool_.buffer_.get(), pool_.buffer_size_), target_.way_);
  ++pool_.connections_made_;
  HttpExchange& first = *std::exchange(opened_for_, nullptr);
  if (target_.way_.speaks == HttpWay::Speaks::kHttp1) return begin(first);
  pool_.agreed(*this, first);
}

void HttpConnection::begin(HttpExchange& exchange) {
  phase_ = Phase::kBusy;
  exchange.connection_ = this;
  exchange.protocol = session_->protocol();
  wrote(session_->begin(exchange, pool_.bounds_of(exchange).answer));
  if (shares_) pool_.begun(*this);
}

void HttpConnection::wrote(const HttpSession::Outcome& outcome) {
  if (outcome.kind == HttpSession::Outcome::Kind::kGoesOn) {
    if (outcome.more) read(false);
    return;
  }
  if (outcome.kind == HttpSession::Outcome::Kind::kReadFirst) return read(true);
  pool_.take(*this, outcome);
}

// Reads all that there is, but only so much a turn: a sender that is quicker than this loop would
// keep it from everybody else's requests, and from its own deadline.
void HttpConnection::read(bool closed) {
  for (int reads = 0; phase_ != Phase::kClosed;) {
    if (reads == kReadsATurn) return pool_.read_on_later(*this, closed);
    const HttpSession::Outcome outcome = session_->on_readable(closed);
    if (outcome.kind == HttpSession::Outcome::Kind::kAnswered)
      pool_.answered(*this, *outcome.exchange);
    else if (outcome.kind != HttpSession::Outcome::Kind::kGoesOn)
      pool_.take(*this, outcome);
    if (!outcome.more) return;
    if (!outcome.at_hand) ++reads;
  }
}

bool HttpConnection::drop_one_of_several(HttpExchange& exchange) {
  if (joined_.empty()) return false;
  if (&exchange == opened_for_) {
    opened_for_ = joined_.front();
    joined_.erase(joined_.begin());
  } else {
    std::erase(joined_, &exchange);
  }
  exchange.connection_ = nullptr;
  return true;
}

std::vector<HttpExchange*> HttpConnection::all() const {
  std::vector<HttpExchange*> list = joined_;
  if (opened_for_) list.push_back(opened_for_);
  if (session_) session_->list_under_way(list);
  return list;
}

HttpPool::HttpPool(const Clock& clock, Timers& timers, Connector& connector, const Options& options)
    : clock_(clock),
      timers_(timers),
      connector_(connector),
      options_(options),
      read_on_([this](Time) { read_on(); }),
      buffer_size_(std::size_t{64} * 1024),
      buffer_(new char[buffer_size_]) {}

HttpPool::~HttpPool() = default;

HttpTarget& HttpPool::target(const std::string& host_port, Connector& over, const HttpWay& way) {
  std::unique_ptr<HttpTarget>& target = targets_[{host_port, &over, way}];
  if (target) return *target;
  target = std::make_unique<HttpTarget>(host_port, over, way);
  if (way.speaks != HttpWay::Speaks::kHttp1 || way.connections > 0) ++targets_with_places_;
  auto other = targets_.lower_bound({host_port, nullptr, {}});
  for (; other != targets_.end() && std::get<0>(other->first) == host_port; ++other) {
    if (other->second->has_addresses()) target->addresses_ = other->second->addresses_;
  }
  return *target;
}

void HttpPool::set_addresses(HttpTarget& target, std::vector<Address> addresses) {
  target.addresses_ = std::move(addresses);
  target.address_turn_ = 0;
}

void HttpPool::set_addresses(const std::string& host_port, const std::vector<Address>& addresses) {
  auto one = targets_.lower_bound({host_port, nullptr, {}});
  if (one == targets_.end() || std::get<0>(one->first) != host_port) {
    set_addresses(target(host_port), addresses);  // who comes later looks there
    return;
  }
  for (; one != targets_.end() && std::get<0>(one->first) == host_port; ++one)
    set_addresses(*one->second, addresses);
}

void HttpPool::send(HttpExchange& exchange, HttpTarget& target) {
  const Visit visit(*this);
  exchange.target_ = &target;
  exchange.connection_ = nullptr;
  exchange.failure = Failure::none;
  exchange.error = 0;
  exchange.why.clear();
  exchange.status = -1;
  exchange.retried = false;
  exchange.dispatched = exchange.sent = exchange.first_byte = kNever;
  exchange.response_bytes = 0;
  exchange.handshake = exchange.queued = kNoDuration;
  exchange.read_late = Duration{0};
  exchange.protocol = HttpProtocol::kNone;
  exchange.frame_bytes = 0;
  exchange.asked = clock_.now();
  begin_deadline(exchange, exchange.asked);
  dispatch(exchange);
}

void HttpPool::begin_deadline(HttpExchange& exchange, Time now) {
  if (exchange.timeout == kNoTimeout) return;
  std::unique_ptr<Deadlines>& list = deadlines_[exchange.timeout];
  if (!list) {
    list = std::make_unique<Deadlines>(timers_, exchange.timeout, [this](Deadline& deadline) {
      const Visit visit(*this);
      timed_out(*static_cast<HttpExchange::Wait&>(deadline).exchange);
    });
  }
  exchange.deadline_.exchange = &exchange;
  list->begin(exchange.deadline_, now);
}

void HttpPool::begin_connect_deadline(HttpConnection& connection, Duration after, Time now) {
  if (after == kNoTimeout) return;
  std::unique_ptr<Deadlines>& list = connect_deadlines_[after];
  if (!list) {
    list = std::make_unique<Deadlines>(timers_, after, [this](Deadline& deadline) {
      const Visit visit(*this);
      connect_failed(*static_cast<HttpConnection::ConnectWait&>(deadline).connection,
                     Failure::connect_timeout);
    });
  }
  list->begin(connection.connect_deadline_, now);
}

// Sends it on an idle connection, on a new one, or later.
void HttpPool::dispatch(HttpExchange& exchange) {
  HttpTarget& target = *exchange.target_;
  if (!target.idle_.empty()) {
    HttpConnection& connection = *target.idle_.back();
    target.idle_.pop_back();
    use(connection, exchange);
    return;
  }
  if (target.addresses_.empty()) {
    finish(exchange, Failure::no_address);
    return;
  }
  if (target.shares()) return dispatch_shared(exchange);
  if (!target.may_open() || !make_room()) {
    wait(exchange);
    return;
  }
  connect(exchange, static_cast<int>(target.addresses_.size()) - 1);
}

void HttpPool::use(HttpConnection& connection, HttpExchange& exchange) {
  if (exchange.dispatched == kNever) exchange.dispatched = clock_.now();
  if (!connection.shares_) connection.used_before_ = true;
  connection.begin(exchange);
}

// True when one more connection may be opened; an idle one of another target gives way.
bool HttpPool::make_room() {
  if (connections_.size() - leaving_ < options_.connections_max) return true;
  for (auto& [host, target] : targets_) {
    HttpConnection* const idle =
        target->idle_.empty() ? idle_shared(*target) : target->idle_.front();
    if (!idle) continue;
    close(*idle);
    return true;
  }
  return false;
}

void HttpPool::connect(HttpExchange& exchange, int attempts_left) {
  HttpTarget& target = *exchange.target_;
  const Time now = clock_.now();
  if (exchange.dispatched == kNever) exchange.dispatched = now;
  exchange.sent = now;
  auto owned = std::make_unique<HttpConnection>(*this, target, exchange, attempts_left);
  HttpConnection& connection = *owned;
  const Address& address = target.addresses_[target.address_turn_ % target.addresses_.size()];
  int error = 0;
  connection.stream_ = target.over_.connect(address, connection, error);
  exchange.error = error;
  exchange.why.clear();
  if (!connection.stream_ && is_out_of_sockets(error)) {
    finish(exchange, Failure::no_socket);
    return;
  }
  connection.index_ = connections_.size();
  connections_.push_back(std::move(owned));
  ++target.open_;
  if (target.shares()) target.connecting_.push_back(&connection);
  exchange.connection_ = &connection;
  if (!connection.stream_) {
    connect_failed(connection, connect_failure(error));
    return;
  }
  begin_connect_deadline(connection, bounds_of(exchange).connect_timeout, now);
}

void HttpPool::connect_failed(HttpConnection& connection, Failure failure) {
  HttpExchange& exchange = *connection.opened_for_;
  const int attempts_left = connection.attempts_left_;
  connection.drop(exchange);
  close(connection);
  if (attempts_left > 0) {
    ++exchange.target_->address_turn_;
    connect(exchange, attempts_left - 1);
    if (!connection.joined_.empty()) rejoin(connection, exchange);
    return;
  }
  const int error = exchange.error;
  const std::string why = exchange.why;
  finish(exchange, failure);
  fail_joined(connection, failure, error, why);
  serve_waiting();
}

void HttpPool::answered(HttpConnection& connection, HttpExchange& exchange) {
  exchange.connection_ = nullptr;
  exchange.deadline_.end();
  exchange.done = clock_.now();
  if (connection.shares_) {
    connection.used_before_ = true;
    place_free(connection);
  } else if (!connection.session_->can_take() || connection.target_.way_.closes) {
    close(connection);
  } else if (HttpExchange* next = next_waiting_for(connection.target_)) {
    end_wait(*next);
    use(connection, *next);
  } else {
    connection.phase_ = HttpConnection::Phase::kIdle;
    connection.target_.idle_.push_back(&connection);
  }
  exchange.on_done();
  if (waiting_first_) serve_waiting();
}

// The connection ended or failed under an exchange, or while idle.
void HttpPool::broken(HttpConnection& connection, Failure failure) {
  if (connection.shares_) return broken_shared(connection, failure);
  HttpExchange* const exchange = connection.exchange();
  if (exchange) exchange->response_bytes = connection.drop(*exchange);
  const bool used_before = connection.used_before_;
  close(connection);
  if (exchange) {
    // The server closed the idle connection while the request was on its way: nobody's fault.
    const bool stale = failure == Failure::closed || failure == Failure::reset;
    const bool untouched = used_before && exchange->response_bytes == 0;
    if (stale && untouched && exchange->repeatable && !exchange->retried) {
      exchange->retried = true;
      connect(*exchange, static_cast<int>(exchange->target_->addresses_.size()) - 1);
      return;
    }
    finish(*exchange, failure);
  }
  serve_waiting();
}

void HttpPool::finish(HttpExchange& exchange, Failure failure) {
  exchange.deadline_.end();
  exchange.failure = failure;
  if (wire::failure_group(failure) == wire::FailureGroup::not_sent) exchange.sent = kNever;
  exchange.done = clock_.now();
  exchange.on_done();
}

void HttpPool::timed_out(HttpExchange& exchange) {
  if (exchange.waiting_) {
    stop_waiting(exchange);
    finish(exchange, Failure::no_connection);
    return;
  }
  HttpConnection& connection = *exchange.connection_;
  if (connection.phase_ == HttpConnection::Phase::kConnecting) {
    if (connection.drop_one_of_several(exchange)) return finish(exchange, Failure::connect_timeout);
    connection.attempts_left_ = 0;
    connect_failed(connection, Failure::connect_timeout);
    return;
  }
  if (connection.shares_) return timed_out_shared(connection, exchange);
  connection.stream_->abort();
  broken(connection, Failure::timeout);
}

void HttpPool::wait(HttpExchange& exchange) {
  exchange.waiting_ = true;
  exchange.waiting_since_ = clock_.now();
  exchange.waiting_before_ = waiting_last_;
  exchange.waiting_after_ = nullptr;
  (waiting_last_ ? waiting_last_->waiting_after_ : waiting_first_) = &exchange;
  waiting_last_ = &exchange;
  ++waiting_count_;
}

void HttpPool::stop_waiting(HttpExchange& exchange) {
  HttpExchange* const before = exchange.waiting_before_;
  HttpExchange* const after = exchange.waiting_after_;
  (before ? before->waiting_after_ : waiting_first_) = after;
  (after ? after->waiting_before_ : waiting_last_) = before;
  exchange.waiting_ = false;
  --waiting_count_;
  const Duration waited = clock_.now() - exchange.waiting_since_;
  exchange.queued = exchange.queued == kNoDuration ? waited : exchange.queued + waited;
}

// A place has become free. The server gets the whole time-out from here on: that the request had to
// wait is the generator's doing.
void HttpPool::end_wait(HttpExchange& exchange) {
  stop_waiting(exchange);
  begin_deadline(exchange, clock_.now());
}

HttpExchange* HttpPool::next_waiting_for(const HttpTarget& target) {
  HttpExchange* exchange = waiting_first_;
  for (int i = 0; exchange && i < kWaitingScan; ++i, exchange = exchange->waiting_after_) {
    if (exchange->target_ == &target) return exchange;
  }
  return nullptr;
}

// The oldest of those that wait which finds a place now. Where no target has a limit of its own
// they are all as well off as the first.
HttpExchange* HttpPool::next_to_go() {
  if (!waiting_first_) return nullptr;
  if (targets_with_places_ == 0) return make_room() ? waiting_first_ : nullptr;
  std::optional<bool> room;
  HttpExchange* exchange = waiting_first_;
  for (int i = 0; exchange && i < kWaitingScan; ++i, exchange = exchange->waiting_after_) {
    HttpTarget& target = *exchange->target_;
    if (!target.idle_.empty() || has_place(target)) return exchange;
    if (!target.may_open()) continue;
    if (!room) room = make_room();
    if (*room) return exchange;
  }
  return nullptr;
}

// Gives the oldest waiting requests the places that have become free.
void HttpPool::serve_waiting() {
  if (serving_) return;  // a request that fails at once comes back here: the loop below goes on
  serving_ = true;
  while (HttpExchange* const exchange = next_to_go()) {
    end_wait(*exchange);
    dispatch(*exchange);
  }
  serving_ = false;
}

// Reads on in the loop's next turn: what else is due or ready comes first.
void HttpPool::read_on_later(HttpConnection& connection, bool closed) {
  connection.reads_end_ = connection.reads_end_ || closed;
  if (!std::exchange(connection.reads_on_, true)) unread_.push_back(&connection);
  if (!read_on_.is_set()) timers_.set(read_on_, clock_.now() + Duration{1});
}

void HttpPool::read_on() {
  const Visit visit(*this);
  for (std::size_t left = unread_.size(); left > 0 && !unread_.empty(); --left) {
    HttpConnection& connection = *unread_.front();
    unread_.erase(unread_.begin());
    connection.reads_on_ = false;
    connection.read(std::exchange(connection.reads_end_, false));
  }
}

void HttpPool::close(HttpConnection& connection) {
  using Phase = HttpConnection::Phase;
  if (connection.phase_ == Phase::kClosed) return;
  if (connection.reads_on_) std::erase(unread_, &connection);
  if (connection.target_.shares()) forget_places(connection);
  if (connection.phase_ == Phase::kIdle && !connection.shares_)
    std::erase(connection.target_.idle_, &connection);
  connection.phase_ = Phase::kClosed;
  connection.connect_deadline_.end();
  if (!connection.leaving_) --connection.target_.open_;
  std::unique_ptr<HttpConnection>& place = connections_[connection.index_];
  closed_.push_back(std::move(place));
  if (&place != &connections_.back()) {
    place = std::move(connections_.back());
    place->index_ = connection.index_;
  }
  connections_.pop_back();
  // The socket ends now, the object when nobody stands on it.
  connection.stream_.reset();
}

void HttpPool::abandon(HttpExchange& exchange) {
  const Visit visit(*this);
  exchange.deadline_.end();
  if (exchange.waiting_) stop_waiting(exchange);
  HttpConnection* const connection = exchange.connection_;
  if (!connection || connection->drop_one_of_several(exchange)) return;
  const std::uint64_t bytes = connection->drop(exchange);
  if (connection->shares_) {
    exchange.response_bytes = bytes;
    given_up(*connection);
  } else {
    close(*connection);
  }
}

void HttpPool::time_out(HttpExchange& exchange) {
  const Visit visit(*this);
  exchange.deadline_.end();
  timed_out(exchange);
}

void HttpPool::end_waiting(HttpExchange& exchange, Failure failure) {
  if (!exchange.waiting_) return;
  const Visit visit(*this);
  stop_waiting(exchange);
  finish(exchange, failure);
}

void HttpPool::end_in_flight(HttpExchange& exchange, Failure failure) {
  if (!exchange.connection_) return;
  const Visit visit(*this);
  abandon(exchange);
  finish(exchange, failure);
}

void HttpPool::end_all(Failure waiting, Failure in_flight) {
  const Visit visit(*this);
  while (waiting_first_) {
    HttpExchange& exchange = *waiting_first_;
    stop_waiting(exchange);
    finish(exchange, waiting);
  }
  std::vector<HttpExchange*> under_way;
  for (const auto& connection : connections_) {
    const std::vector<HttpExchange*> all = connection->all();
    under_way.insert(under_way.end(), all.begin(), all.end());
  }
  for (HttpExchange* exchange : under_way) end_in_flight(*exchange, in_flight);
}

void HttpPool::close_idle() {
  const Visit visit(*this);
  for (auto& [host, target] : targets_) {
    while (!target->idle_.empty()) close(*target->idle_.back());
    while (HttpConnection* const idle = idle_shared(*target)) close(*idle);
  }
}

void HttpPool::close_idle_but(const std::set<std::string>& used) {
  const Visit visit(*this);
  for (auto& [host, target] : targets_) {
    if (used.contains(std::get<0>(host))) continue;
    while (!target->idle_.empty()) close(*target->idle_.back());
    while (HttpConnection* const idle = idle_shared(*target)) close(*idle);
  }
}

}  // namespace galileo::net
