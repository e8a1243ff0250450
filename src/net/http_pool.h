// HTTP/1.1 client connections of one loop: kept alive, one request at a time on each, bounded in
// number. The load engine and the gateway send through it. An exchange is one request and its
// answer; the pool finds it a connection (idle, new, or the next one that becomes free), writes,
// reads, keeps the deadlines, and says how it went. Nothing is allocated for an exchange on an idle
// connection. Lives on its loop; no call blocks.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "net/clock.h"
#include "net/deadlines.h"
#include "net/tcp.h"
#include "wire/http1.h"
#include "wire/trace.h"

namespace galileo::net {

class HttpPool;
class HttpConnection;
class HttpTarget;

// What its user may say of a request beside its time-out.
struct HttpBounds {
  Duration connect_timeout = std::chrono::seconds{10};
  wire::http1::Limits answer;
};

// One request and what came of it. The user sets the first part, calls HttpPool::send(), and must
// keep the object and `bytes` until on_done() or HttpPool::abandon().
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;
  // The exchange is over: `failure` is none where the answer is complete, whatever its status. The
  // connection is free again; sending from here is fine.
  virtual void on_done() = 0;

  std::string_view bytes;        // the request
  bool expects_no_body = false;  // a HEAD request
  bool repeatable = false;       // safe to send again when an idle connection turns out closed
  bool want_redirect = false;    // keep the headers Location and Set-Cookie
  Duration timeout{};            // for a connection to become free, then to the end of the answer
  const HttpBounds* bounds = nullptr;       // kept until on_done(); null: the pool's
  wire::http1::Capture* capture = nullptr;  // null: keep nothing of the answer

  wire::Failure failure = wire::Failure::none;
  int status = -1;
  bool retried = false;
  Time asked{};        // send() was called
  Time dispatched{};   // a connection was chosen or begun; kNever: none was
  Time sent = kNever;  // the first byte was written; of a failed connect, the attempt
  Time first_byte = kNever;
  Time done{};
  // How long the end of the answer lay with the system before it was read; 0: not known.
  Duration read_late{0};
  std::uint64_t response_bytes = 0;
  std::string location;
  std::vector<std::string> set_cookies;

  // Not sent yet: it waits for a connection to become free.
  bool waiting() const { return waiting_; }

 private:
  friend class HttpPool;
  friend class HttpConnection;
  struct Wait final : Deadline {
    HttpExchange* exchange = nullptr;
  } deadline_;
  HttpTarget* target_ = nullptr;
  HttpConnection* connection_ = nullptr;
  bool waiting_ = false;  // then in the pool's list of those without a connection
  HttpExchange* waiting_before_ = nullptr;
  HttpExchange* waiting_after_ = nullptr;
};

// Where requests go: "host:port" and the addresses behind it. Owned by its pool.
class HttpTarget {
 public:
  explicit HttpTarget(std::string host) : host_(std::move(host)) {}
  const std::string& host() const { return host_; }
  std::size_t open() const { return open_; }
  bool has_addresses() const { return !addresses_.empty(); }

 private:
  friend class HttpPool;
  friend class HttpConnection;
  std::string host_;
  std::vector<Address> addresses_;
  std::size_t address_turn_ = 0;       // where the last connection was made
  std::vector<HttpConnection*> idle_;  // the last one used is taken first
  std::size_t open_ = 0;
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
  HttpTarget& target(const std::string& host_port);
  // Where the target is; connections that are open stay.
  void set_addresses(HttpTarget& target, std::vector<Address> addresses);

  // Sends, or begins to. on_done() may come before this returns.
  void send(HttpExchange& exchange, HttpTarget& target);
  // Ends it without on_done(); its connection is closed.
  void abandon(HttpExchange& exchange);
  // Ends it as its time-out would, now.
  void time_out(HttpExchange& exchange);
  // Ends one that is waiting() with `failure`; the others aren't touched.
  void end_waiting(HttpExchange& exchange, wire::Failure failure);
  // Ends one that isn't waiting() with `failure`, as end_all() does; its connection is closed.
  void end_in_flight(HttpExchange& exchange, wire::Failure failure);
  // Ends all of them: those that wait for a connection with `waiting`, the others with `in_flight`.
  void end_all(wire::Failure waiting, wire::Failure in_flight);
  void close_idle();
  // Of targets that aren't among these: nothing goes there any more.
  void close_idle_but(const std::set<std::string>& used);

  std::size_t open_connections() const { return connections_.size(); }
  std::size_t waiting() const { return waiting_count_; }

 private:
  friend class HttpConnection;
  class Visit;  // cleans up closed connections when the outermost call returns

  void dispatch(HttpExchange& exchange);
  void connect(HttpExchange& exchange, int attempts_left);
  bool make_room();
  void wait(HttpExchange& exchange);
  void stop_waiting(HttpExchange& exchange);
  void end_wait(HttpExchange& exchange);
  HttpExchange* next_waiting_for(const HttpTarget& target);
  void serve_waiting();
  void use(HttpConnection& connection, HttpExchange& exchange);
  void answered(HttpConnection& connection);
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
  std::unordered_map<std::string, std::unique_ptr<HttpTarget>> targets_;
  std::vector<std::unique_ptr<HttpConnection>> connections_;
  std::vector<std::unique_ptr<HttpConnection>> closed_;  // destroyed when no call is under way
  HttpExchange* waiting_first_ = nullptr;                // a linked list, oldest first
  HttpExchange* waiting_last_ = nullptr;
  std::size_t waiting_count_ = 0;
  bool serving_ = false;
  std::map<Duration, std::unique_ptr<Deadlines>> deadlines_;  // by time-out
  std::map<Duration, std::unique_ptr<Deadlines>> connect_deadlines_;
  int visits_ = 0;
  std::vector<HttpConnection*> unread_;  // had more to read than one turn is for
  Timer read_on_;
  const std::size_t buffer_size_;
  std::unique_ptr<char[]> buffer_;  // what a read gives, shared by all connections of the loop
};

}  // namespace galileo::net
