// A connection of an HttpPool, for the pool's own files. It is in one of four phases: connecting
// (exchanges wait for it), idle, busy, closed. Closed connections are kept until the outermost call
// into the pool is over, since that call may stand on their stack frames; Visit counts the calls.
// Lives on its pool's loop, owned by the pool.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "net/http_pool.h"

namespace galileo::net {

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
    exchange.connection_ = nullptr;
    if (session_) return session_->drop(exchange);
    opened_for_ = nullptr;
    return 0;
  }
  // One of several that wait until it is connected leaves; false: it is the only one.
  bool drop_one_of_several(HttpExchange& exchange);
  // All that wait for it, or are under way on it.
  std::vector<HttpExchange*> all() const;

  struct ConnectWait final : Deadline {
    HttpConnection* connection = nullptr;
  };

  HttpPool& pool_;
  HttpTarget& target_;
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<HttpSession> session_;  // once connected
  HttpExchange* opened_for_;              // until then
  std::vector<HttpExchange*> joined_;     // and these, which will share it
  ConnectWait connect_deadline_;
  std::size_t index_ = 0;  // in the pool's list
  int attempts_left_;      // further addresses to try
  Phase phase_ = Phase::kConnecting;
  bool used_before_ = false;
  bool reads_on_ = false;      // in the pool's list of those that haven't read all
  bool reads_end_ = false;     // its peer has closed, as far as was told
  bool shares_ = false;        // it has several exchanges at once
  bool writes_later_ = false;  // in the pool's list of those that are to write
  bool leaving_ = false;       // it takes no more exchanges, and doesn't count as open
  bool has_place_ = false;     // in its target's list of those that have
  std::size_t place_index_ = 0;
};

class HttpPool::Visit {
 public:
  explicit Visit(HttpPool& pool) : pool_(pool) { ++pool_.visits_; }
  ~Visit() {
    if (pool_.visits_ == 1 && !pool_.unwritten_.empty()) pool_.write_now();
    if (--pool_.visits_ == 0 && !pool_.closed_.empty()) pool_.closed_.clear();
  }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;

 private:
  HttpPool& pool_;
};

}  // namespace galileo::net
