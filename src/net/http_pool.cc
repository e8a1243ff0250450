#include "net/http_pool.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.h"

// A connection is in one of three phases: connecting (an exchange waits on it), idle (in its
// target's stack), busy. Closed connections are kept until the outermost call into the pool is
// over, since that call may stand on their stack frames; Visit counts the calls.

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

class HttpConnection final : public StreamHandler {
 public:
  enum class Phase : std::uint8_t { kConnecting, kIdle, kBusy, kClosed };

  HttpConnection(HttpPool& pool, HttpTarget& target, HttpExchange& opened_for, int attempts_left)
      : pool_(pool), target_(target), opened_for_(&opened_for), attempts_left_(attempts_left) {
    connect_deadline_.connection = this;
  }

  void on_stream(StreamEvents events) override;

  void begin(HttpExchange& exchange);
  void wrote(const HttpSession::Outcome& outcome);
  void read(bool closed);
  void connected();
  HttpExchange* exchange() const { return session_ ? session_->under_way() : opened_for_; }
  // Its exchange leaves it; how much of its answer had been read.
  std::uint64_t drop(HttpExchange& exchange) {
    opened_for_ = nullptr;
    exchange.connection_ = nullptr;
    return session_ ? session_->drop(exchange) : 0;
  }

  struct ConnectWait final : Deadline {
    HttpConnection* connection = nullptr;
  };

  HttpPool& pool_;
  HttpTarget& target_;
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<HttpSession> session_;  // once connected
  HttpExchange* opened_for_;              // until then
  ConnectWait connect_deadline_;
  std::size_t index_ = 0;  // in the pool's list
  int attempts_left_;      // further addresses to try
  Phase phase_ = Phase::kConnecting;
  bool used_before_ = false;
  bool reads_on_ = false;   // in the pool's list of those that haven't read all
  bool reads_end_ = false;  // its peer has closed, as far as was told
};

class HttpPool::Visit {
 public:
  explicit Visit(HttpPool& pool) : pool_(pool) { ++pool_.visits_; }
  ~Visit() {
    if (--pool_.visits_ == 0 && !pool_.closed_.empty()) pool_.closed_.clear();
  }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;

 private:
  HttpPool& pool_;
};

void HttpConnection::on_stream(StreamEvents events) {
  const HttpPool::Visit visit(pool_);
  if (phase_ == Phase::kConnecting && (events.writable || events.closed)) connected();
  if (phase_ == Phase::kBusy && events.writable) wrote(session_->on_writable());
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
  session_ =
      make_http_session(*stream_, pool_.clock_, std::span(pool_.buffer_.get(), pool_.buffer_size_));
  begin(*std::exchange(opened_for_, nullptr));
}

void HttpConnection::begin(HttpExchange& exchange) {
  phase_ = Phase::kBusy;
  exchange.connection_ = this;
  wrote(session_->begin(exchange, pool_.bounds_of(exchange).answer));
}

void HttpConnection::wrote(const HttpSession::Outcome& outcome) {
  if (outcome.kind == HttpSession::Outcome::Kind::kReadFirst) read(true);
  if (outcome.kind == HttpSession::Outcome::Kind::kBroken) pool_.broken(*this, outcome.failure);
}

// Reads all that there is, but only so much a turn: a sender that is quicker than this loop would
// keep it from everybody else's requests, and from its own deadline.
void HttpConnection::read(bool closed) {
  for (int reads = 0; phase_ != Phase::kClosed; ++reads) {
    if (reads == kReadsATurn) return pool_.read_on_later(*this, closed);
    const HttpSession::Outcome outcome = session_->on_readable(closed);
    if (outcome.kind == HttpSession::Outcome::Kind::kBroken)
      return pool_.broken(*this, outcome.failure);
    if (outcome.kind == HttpSession::Outcome::Kind::kAnswered)
      pool_.answered(*this, *outcome.exchange);
    if (!outcome.more) return;
  }
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

HttpTarget& HttpPool::target(const std::string& host_port, Connector& over) {
  std::unique_ptr<HttpTarget>& target = targets_[{host_port, &over}];
  if (target) return *target;
  target = std::make_unique<HttpTarget>(host_port, over);
  auto other = targets_.lower_bound({host_port, nullptr});
  for (; other != targets_.end() && other->first.first == host_port; ++other) {
    if (other->second->has_addresses()) target->addresses_ = other->second->addresses_;
  }
  return *target;
}

void HttpPool::set_addresses(HttpTarget& target, std::vector<Address> addresses) {
  target.addresses_ = std::move(addresses);
  target.address_turn_ = 0;
}

void HttpPool::set_addresses(const std::string& host_port, const std::vector<Address>& addresses) {
  auto one = targets_.lower_bound({host_port, nullptr});
  if (one == targets_.end() || one->first.first != host_port) {
    set_addresses(target(host_port), addresses);  // who comes later looks there
    return;
  }
  for (; one != targets_.end() && one->first.first == host_port; ++one)
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
  exchange.handshake = kNoDuration;
  exchange.read_late = Duration{0};
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
  if (!make_room()) {
    wait(exchange);
    return;
  }
  connect(exchange, static_cast<int>(target.addresses_.size()) - 1);
}

void HttpPool::use(HttpConnection& connection, HttpExchange& exchange) {
  if (exchange.dispatched == kNever) exchange.dispatched = clock_.now();
  connection.used_before_ = true;
  connection.begin(exchange);
}

// True when one more connection may be opened; an idle one of another target gives way.
bool HttpPool::make_room() {
  if (connections_.size() < options_.connections_max) return true;
  for (auto& [host, target] : targets_) {
    if (target->idle_.empty()) continue;
    close(*target->idle_.front());
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
    return;
  }
  finish(exchange, failure);
  serve_waiting();
}

void HttpPool::answered(HttpConnection& connection, HttpExchange& exchange) {
  exchange.connection_ = nullptr;
  exchange.deadline_.end();
  exchange.done = clock_.now();
  if (!connection.session_->can_take()) {
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
    connection.attempts_left_ = 0;
    connect_failed(connection, Failure::connect_timeout);
    return;
  }
  connection.stream_->abort();
  broken(connection, Failure::timeout);
}

void HttpPool::wait(HttpExchange& exchange) {
  exchange.waiting_ = true;
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

// Gives the oldest waiting requests the places that have become free.
void HttpPool::serve_waiting() {
  if (serving_) return;  // a request that fails at once comes back here: the loop below goes on
  serving_ = true;
  while (waiting_first_ && make_room()) {
    HttpExchange& exchange = *waiting_first_;
    end_wait(exchange);
    dispatch(exchange);
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
  if (connection.phase_ == Phase::kIdle) std::erase(connection.target_.idle_, &connection);
  connection.phase_ = Phase::kClosed;
  connection.connect_deadline_.end();
  --connection.target_.open_;
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
  if (HttpConnection* connection = exchange.connection_) {
    connection->drop(exchange);
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
    if (HttpExchange* exchange = connection->exchange()) under_way.push_back(exchange);
  }
  for (HttpExchange* exchange : under_way) end_in_flight(*exchange, in_flight);
}

void HttpPool::close_idle() {
  const Visit visit(*this);
  for (auto& [host, target] : targets_) {
    while (!target->idle_.empty()) close(*target->idle_.back());
  }
}

void HttpPool::close_idle_but(const std::set<std::string>& used) {
  const Visit visit(*this);
  for (auto& [host, target] : targets_) {
    if (target->idle_.empty() || used.contains(host.first)) continue;
    while (!target->idle_.empty()) close(*target->idle_.back());
  }
}

}  // namespace galileo::net
