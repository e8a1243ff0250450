// A connection for subscriptions. Each channel and each pattern belongs to one listener, so that a
// message finds it by one look into a map and the server counts each listener for itself: a second
// listener to a channel takes another connection (redis.cc sees to it). After a break everything is
// subscribed again before on_change() tells that it is complete. Lives on the bus's desk.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "bus/bus.h"
#include "bus/redis_connection.h"

namespace galileo::bus {

// Whoever listens. Owned by its subscription, which ends it with RedisSubscriber::remove().
struct RedisListener {
  std::vector<std::string> channels;  // no name twice
  std::vector<std::string> patterns;
  OnMessage on_message;
  // Told once: the server has confirmed all, or will not. Removed already in the second case.
  std::function<void(Result<void>)> on_done;

  // The subscriber's.
  std::size_t unconfirmed = 0;
  bool established = false;  // was complete once
  std::optional<net::Timer> deadline;
};

class RedisSubscriber final : private RedisUser {
 public:
  RedisSubscriber(RedisServer& server, std::function<void()> on_change);

  void start() { connection_.start(); }
  bool has_any_of(const RedisListener& listener) const;
  void add(RedisListener& listener, Duration timeout);
  void remove(RedisListener& listener);
  bool empty() const { return listeners_.empty(); }
  // False while a listener that was complete once isn't.
  bool complete() const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  using ByName = std::unordered_map<std::string, RedisListener*, Hash, std::equal_to<>>;

  void on_ready() override;
  Result<void> on_reply(const Reply& reply) override;
  void on_lost(const Error& why) override;
  bool on_quiet() override;
  void on_deadline(RedisListener& listener, Duration timeout);
  void subscribe(RedisListener& listener);
  void ask(const char* command, const std::vector<std::string>& names, RedisListener* listener);
  void confirmed();
  Result<void> refused(std::string_view reply);
  void finish(RedisListener& listener, Result<void> result);
  void forget(RedisListener& listener);

  RedisServer& server_;
  const std::function<void()> on_change_;
  std::vector<RedisListener*> listeners_;
  ByName by_channel_;
  ByName by_pattern_;
  // Commands under way, in order: whose (null: gone) and how many confirmations are to come.
  struct Asked {
    RedisListener* listener;
    std::size_t left;
  };
  std::deque<Asked> asked_;
  std::optional<Error> lost_;  // why there is no connection
  RedisConnection connection_;
};

}  // namespace galileo::bus
