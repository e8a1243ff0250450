// HTTP client connections of one loop: kept alive, bounded in number, with one request at a time on
// each, or several where HTTP/2 is spoken. Whoever asks over HTTP sends through it. An exchange is
// one request and its answer; the pool finds it a connection (idle, new, or the next one that has a
// place), has the connection's session write and read (http_session.h), keeps the deadlines, and
// says how it went. Nothing is allocated for an exchange on an idle connection of HTTP/1.1. Lives
// on its loop; no call blocks.
//
// Several on a connection: an exchange takes a place on one that is there, waits for one that is
// being made, or has another made when all are full (HttpWay). A connection whose server takes no
// more (GOAWAY) finishes what it has and doesn't count as open. What the server says it hasn't
// looked at is sent once more, on another connection.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "net/clock.h"
#include "net/deadlines.h"
#include "net/http_session.h"
#include "net/tcp.h"

namespace galileo::net {

// Where requests go: "host:port" and the addresses behind it, over which connector, and how. Owned
// by its pool.
class HttpTarget {
 public:
  HttpTarget(std::string host, Connector& over, const HttpWay& way)
      : host_(std::move(host)), over_(over), way_(way) {}
  const std::string& host() const { return host_; }
  std::size_t open() const { return open_; }
  bool has_addresses() const { return !addresses_.empty(); }

 private:
  // A connection may have several exchanges, as far as is known.
  bool shares() const { return way_.speaks != HttpWay::Speaks::kHttp1; }
  bool may_open() const { return way_.connections == 0 || open_ < way_.connections; }

  friend class HttpPool;
  friend class HttpConnection;
  std::string host_;
  Connector& over_;
  const HttpWay way_;
  std::vector<Address> addresses_;
  std::size_t address_turn_ = 0;       // where the last connection was made
  std::vector<HttpConnection*> idle_;  // the last one used is taken first
  std::size_t open_ = 0;
  // Of several exchanges on a connection.
  std::vector<HttpConnection*> with_places_;  // they can take one more
  std::vector<HttpConnection*> connecting_;
  std::size_t place_turn_ = 0;
  bool agrees_on_older_ = false;  // the last connection came out as HTTP/1.1
};

class HttpPool {
 public:
  struct Options {
    std::size_t connections_max = 10'000;
    HttpBounds bounds = {};
  };

  HttpPool(const Clock& clock, Timers& timers, Connector& connector, const Options& options);
  ~HttpPool();
  HttpPool(const HttpPool&) = delete;
  HttpPool& operator=(const HttpPool&) = delete;

  // The target of that name, made where it is new. Stays for the life of the pool.
  HttpTarget& target(const std::string& host_port, const HttpWay& way = {}) {
    return target(host_port, connector_, way);
  }
  // The same host over another connector, which outlives the pool's use, or in another way, is a
  // target of its own. It is where the others are.
  HttpTarget& target(const std::string& host_port, Connector& over, const HttpWay& way = {});
  // Where the target is; connections that are open stay.
  void set_addresses(HttpTarget& target, std::vector<Address> addresses);
  // Where all targets of that name are, those to come too.
  void set_addresses(const std::string& host_port, const std::vector<Address>& addresses);

  // Sends, or begins to. on_done() may come before this returns.
  void send(HttpExchange& exchange, HttpTarget& target);
  // Ends it without on_done(); its connection is closed, unless it is others' too.
  void abandon(HttpExchange& exchange);
  // Ends it as its time-out would, now.
  void time_out(HttpExchange& exchange);
  // Ends one that is waiting() with `failure`; the others aren't touched.
  void end_waiting(HttpExchange& exchange, wire::Failure failure);
  // Ends one that isn't waiting() with `failure`, as end_all() does, and its connection as
  // abandon() does.
  void end_in_flight(HttpExchange& exchange, wire::Failure failure);
  // Ends all of them: those that wait for a connection with `waiting`, the others with `in_flight`.
  void end_all(wire::Failure waiting, wire::Failure in_flight);
  void close_idle();
  // Closes idle connections to targets not among these: nothing goes there any more.
  void close_idle_but(const std::set<std::string>& used);

  std::size_t open_connections() const { return connections_.size(); }
  std::size_t waiting() const { return waiting_count_; }
  // Connections that were made so far.
  std::uint64_t connections_made() const { return connections_made_; }
  // Exchanges that were given up on a connection that went on (HTTP/2: streams that we reset).
  std::uint64_t given_up() const { return given_up_; }

 private:
  friend class HttpConnection;
  class Visit;  // cleans up closed connections when the outermost call returns

  void dispatch(HttpExchange& exchange);
  // Several exchanges on a connection: http_pool_shared.cc.
  void dispatch_shared(HttpExchange& exchange);
  HttpConnection* place_of(HttpTarget& target);
  HttpConnection* connecting_of(const HttpTarget& target) const;
  bool has_place(const HttpTarget& target) const;
  static HttpConnection* idle_shared(const HttpTarget& target);
  void join(HttpConnection& connection, HttpExchange& exchange);
  void rejoin(HttpConnection& failed, HttpExchange& exchange);
  void fail_joined(HttpConnection& failed, wire::Failure failure, int error,
                   const std::string& why);
  void agreed(HttpConnection& connection, HttpExchange& first);
  void begun(HttpConnection& connection);
  void take(HttpConnection& connection, const HttpSession::Outcome& outcome);
  void unprocessed(HttpConnection& connection, HttpExchange& exchange);
  void broken_shared(HttpConnection& connection, wire::Failure failure);
  void timed_out_shared(HttpConnection& connection, HttpExchange& exchange);
  void given_up(HttpConnection& connection);
  void note_places(HttpConnection& connection);
  void forget_places(HttpConnection& connection);
  void place_free(HttpConnection& connection);
  void write_later(HttpConnection& connection);
  void write_now();

  HttpExchange* next_to_go();
  void connect(HttpExchange& exchange, int attempts_left);
  bool make_room();
  void wait(HttpExchange& exchange);
  void stop_waiting(HttpExchange& exchange);
  void end_wait(HttpExchange& exchange);
  HttpExchange* next_waiting_for(const HttpTarget& target);
  void serve_waiting();
  void use(HttpConnection& connection, HttpExchange& exchange);
  void answered(HttpConnection& connection, HttpExchange& exchange);
  void broken(HttpConnection& connection, wire::Failure failure);
  void connect_failed(HttpConnection& connection, wire::Failure failure);
  void finish(HttpExchange& exchange, wire::Failure failure);
  void begin_deadline(HttpExchange& exchange, Time now);
  void begin_connect_deadline(HttpConnection& connection, Duration after, Time now);
  const HttpBounds& bounds_of(const HttpExchange& exchange) const {
    return exchange.bounds ? *exchange.bounds : options_.bounds;
  }
  void timed_out(HttpExchange& exchange);
  void read_on_later(HttpConnection& connection, bool closed);
  void read_on();
  void close(HttpConnection& connection);

  const Clock& clock_;
  Timers& timers_;
  Connector& connector_;
  const Options options_;
  std::map<std::tuple<std::string, Connector*, HttpWay>, std::unique_ptr<HttpTarget>> targets_;
  std::vector<std::unique_ptr<HttpConnection>> connections_;
  std::vector<std::unique_ptr<HttpConnection>> closed_;  // destroyed when no call is under way
  HttpExchange* waiting_first_ = nullptr;                // a linked list, oldest first
  HttpExchange* waiting_last_ = nullptr;
  std::size_t waiting_count_ = 0;
  bool serving_ = false;
  std::map<Duration, std::unique_ptr<Deadlines>> deadlines_;  // by time-out
  std::map<Duration, std::unique_ptr<Deadlines>> connect_deadlines_;
  int visits_ = 0;
  std::vector<HttpConnection*> unread_;     // had more to read than one turn is for
  std::vector<HttpConnection*> unwritten_;  // are to write when the call under way is over
  std::size_t leaving_ = 0;                 // of the connections: those that take no more
  std::size_t targets_with_places_ = 0;     // of the targets: those that have limits of their own
  std::uint64_t connections_made_ = 0;
  std::uint64_t given_up_ = 0;
  Timer read_on_;
  const std::size_t buffer_size_;
  std::unique_ptr<char[]> buffer_;  // what a read gives, shared by all connections of the loop
};

}  // namespace galileo::net
