// One connection to a Redis server that is always wanted: it connects, says who we are (AUTH,
// SELECT), tells its user when it is ready, what is answered and when it is lost, and tries again,
// after 50 ms at first and then ever less often up to a second apart, each time a little earlier by
// chance so that a fleet doesn't come back in one moment. What it carries is its user's business
// (redis_commands, redis_subscriber). Lives on the bus's desk; no call blocks.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/repeats.h"
#include "bus/redis_protocol.h"
#include "net/clock.h"
#include "net/tcp.h"
#include "net/timers.h"

namespace galileo::bus {

// What all connections of a bus have in common. Lives on the desk, outlives them.
struct RedisServer {
  RedisServer(const net::Clock& its_clock, net::Timers& its_timers, net::Connector& its_connector,
              std::uint64_t seed)
      : clock(its_clock), timers(its_timers), connector(&its_connector), random(seed) {}

  const net::Clock& clock;
  net::Timers& timers;
  net::Connector* connector;
  Random random;
  std::string where;     // "redis://host:6379/0", for messages
  std::string greeting;  // commands that each connection begins with
  std::size_t greeting_replies = 0;
  std::vector<net::Address> addresses;  // to try in turn
  std::optional<Duration> retry_every;  // else soon, and then less and less often
  // Asks for new addresses, after all of them failed; they come when they come. Empty: none to ask.
  std::function<void()> look_up;
  Duration attempt_timeout = std::chrono::seconds{5};  // to connect and be greeted
  ReplyLimits limits;
  // What a read gives, shared by all: a subscription's messages come in thousands.
  static constexpr std::size_t kBufferSize = std::size_t{256} << 10;
  std::unique_ptr<char[]> buffer = std::make_unique<char[]>(kBufferSize);
};

// The commands of `greeting` for that user, password (both may be empty) and database.
void add_greeting(RedisServer& server, std::string_view user, std::string_view password,
                  int database);

// A server whose disk takes nothing refuses PING as it does changes (MISCONF), though it answers
// questions and passes messages on: that it says so shows that it is there.
bool is_only_of_changes(const Reply& reply);

class RedisUser {
 public:
  virtual void on_ready() = 0;
  // An Error ends the connection.
  virtual Result<void> on_reply(const Reply& reply) = 0;
  // The connection has broken, or all addresses were tried in vain; it is tried again.
  virtual void on_lost(const Error& why) = 0;
  // Nothing was read for a while: ask the server something and say true, or leave it and say false.
  // Asked and not answered for as long again, the connection is lost.
  virtual bool on_quiet() = 0;

 protected:
  ~RedisUser() = default;
};

class RedisConnection final : private net::StreamHandler {
 public:
  RedisConnection(RedisServer& server, RedisUser& user);
  ~RedisConnection();
  RedisConnection(const RedisConnection&) = delete;
  RedisConnection& operator=(const RedisConnection&) = delete;

  void start();
  bool ready() const { return phase_ == Phase::kReady; }
  // Only when ready. What the system doesn't take at once is copied and sent later.
  void send(std::string_view bytes);
  // Ends the connection, tells the user, and tries again.
  void lose(const Error& why);

 private:
  enum class Phase : std::uint8_t { kPausing, kConnecting, kGreeting, kReady };

  void on_stream(net::StreamEvents events) override;
  void attempt();
  void connected();
  void greeted(const Reply& reply);
  void flush();
  void read();
  void take(std::string_view bytes);
  void on_step_due();
  void on_quiet_due();
  Error error(std::string why) const;
  Error broken(const net::Transfer& transfer) const;

  RedisServer& server_;
  RedisUser& user_;
  Phase phase_ = Phase::kPausing;
  std::unique_ptr<net::Stream> stream_;
  std::unique_ptr<ReplyReader> reader_;
  std::string unsent_;
  std::size_t unsent_at_ = 0;
  std::size_t greeting_left_ = 0;
  std::size_t turn_ = 0;   // of the addresses
  std::size_t tried_ = 0;  // of the addresses, since the last pause
  Pauses pauses_;
  Time ready_since_{};
  bool heard_ = false;  // something came since the last look
  bool asked_ = false;  // and nothing came since we asked
  net::Timer step_;     // the next attempt; or the end of the one under way
  net::Timer more_;     // to go on reading
  net::Timer quiet_;
};

}  // namespace galileo::bus
