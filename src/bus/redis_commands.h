// A connection for commands: any number of them under way, each answered in its turn. A call made
// while there is no connection waits for one. Ends each call once: with its replies, an error
// reply, a connection that broke, or its deadline. Lives on the bus's desk.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "bus/redis_connection.h"

namespace galileo::bus {

// What is asked of the server, and what comes of it. Owned by whoever asks, who keeps it until
// on_done.
struct RedisCall {
  std::string what;   // "can't publish to 'galileo/events'", for messages
  std::string bytes;  // the commands
  std::size_t replies = 1;
  // It only reads: asked again on the next connection where this one breaks before it is answered.
  bool repeatable = false;
  Duration timeout{};
  // Each reply that is no error, in order; an Error here is the call's. May be empty.
  std::function<Result<void>(const Reply&)> on_reply;
  std::function<void(Result<void>)> on_done;  // may be empty

  // The connection's.
  std::size_t answered = 0;
  std::optional<Error> error;  // the first one
  std::optional<net::Timer> deadline;
};

class RedisCommands final : private RedisUser {
 public:
  // `on_state` is told when there is a connection (null), and why there is none.
  using OnState = std::function<void(const Error* lost)>;
  RedisCommands(RedisServer& server, OnState on_state);

  void start() { connection_.start(); }
  bool ready() const { return connection_.ready(); }
  bool idle() const { return waiting_.empty() && under_way_.empty(); }
  void submit(RedisCall& call);

 private:
  void on_ready() override;
  Result<void> on_reply(const Reply& reply) override;
  void on_lost(const Error& why) override;
  bool on_quiet() override;
  void send(RedisCall& call);
  void on_deadline(RedisCall& call);
  void finish(RedisCall& call, Result<void> result);

  RedisServer& server_;
  const OnState on_state_;
  std::deque<RedisCall*> waiting_;    // for a connection
  std::deque<RedisCall*> under_way_;  // sent; answered from the front
  RedisCall ping_;
  std::optional<Error> lost_;  // why there is no connection
  RedisConnection connection_;
};

}  // namespace galileo::bus
