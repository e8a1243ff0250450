#include "bus/redis_connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "base/check.h"

namespace galileo::bus {
namespace {

constexpr Duration kPauseMin = std::chrono::milliseconds{50};
constexpr Duration kPauseMax = std::chrono::seconds{1};
// How long a server may say nothing before it is asked, and then not answer.
constexpr Duration kQuiet = std::chrono::seconds{5};
// Reads a turn: a flood of messages on one connection doesn't keep the others waiting.
constexpr int kReadsATurn = 8;

}  // namespace

bool is_only_of_changes(const Reply& reply) {
  return reply.kind() == ReplyKind::kError && reply.text().starts_with("MISCONF");
}

void add_greeting(RedisServer& server, std::string_view user, std::string_view password,
                  int database) {
  // Each is sent without waiting for the one before: the first error is the one that counts.
  if (!user.empty())
    add_command(server.greeting, {"AUTH", user, password});
  else if (!password.empty())
    add_command(server.greeting, {"AUTH", password});
  server.greeting_replies += user.empty() && password.empty() ? 0 : 1;
  if (database != 0) {
    add_command(server.greeting, {"SELECT", std::to_string(database)});
    ++server.greeting_replies;
  }
  // Answered only where the password is fine and the data is loaded.
  add_command(server.greeting, {"PING"});
  ++server.greeting_replies;
}

RedisConnection::RedisConnection(RedisServer& server, RedisUser& user)
    : server_(server),
      user_(user),
      pauses_(kPauseMin, kPauseMax),
      step_([this](Time) { on_step_due(); }),
      more_([this](Time) { read(); }),
      quiet_([this](Time) { on_quiet_due(); }) {}

RedisConnection::~RedisConnection() = default;

void RedisConnection::start() {
  attempt();
}

void RedisConnection::attempt() {
  ENSURE(!stream_);
  ENSURE(!server_.addresses.empty());
  const net::Address address = server_.addresses[turn_ % server_.addresses.size()];
  phase_ = Phase::kConnecting;
  server_.timers.set(step_, server_.clock.now() + server_.attempt_timeout);
  int error_number = 0;
  stream_ = server_.connector->connect(address, *this, error_number);
  if (!stream_) lose(error(std::generic_category().message(error_number)));
}

void RedisConnection::on_step_due() {
  if (phase_ == Phase::kPausing) {
    attempt();
    return;
  }
  lose(error(phase_ == Phase::kConnecting ? "it takes no connection" : "it doesn't answer"));
}

void RedisConnection::on_stream(net::StreamEvents events) {
  if (phase_ == Phase::kConnecting) {
    if (const int error_number = stream_->connect_error(); error_number != 0) {
      lose(broken({0, net::Transfer::Status::kFailed, error_number}));
      return;
    }
    if (events.writable) connected();
  }
  if (stream_ && events.writable) flush();
  if (stream_ && (events.readable || events.closed)) read();
}

void RedisConnection::connected() {
  phase_ = Phase::kGreeting;
  reader_ = std::make_unique<ReplyReader>(server_.limits);
  unsent_ = server_.greeting;
  unsent_at_ = 0;
  greeting_left_ = server_.greeting_replies;
}

void RedisConnection::greeted(const Reply& reply) {
  if (reply.kind() == ReplyKind::kError && !is_only_of_changes(reply)) {
    lose(error_of_reply("can't use the bus", server_.where, reply.text()));
    return;
  }
  if (--greeting_left_ > 0) return;
  phase_ = Phase::kReady;
  ready_since_ = server_.clock.now();
  tried_ = 0;
  heard_ = asked_ = false;
  server_.timers.cancel(step_);
  server_.timers.set(quiet_, server_.clock.now() + kQuiet);
  user_.on_ready();
}

void RedisConnection::send(std::string_view bytes) {
  ENSURE(ready());
  if (unsent_at_ == unsent_.size()) {
    const net::Transfer sent = stream_->write(bytes);
    if (sent.status == net::Transfer::Status::kDone) bytes.remove_prefix(sent.bytes);
    // The read tells of a failure, when no caller's state is half-way.
  }
  if (bytes.empty()) return;
  unsent_.erase(0, unsent_at_);
  unsent_at_ = 0;
  unsent_ += bytes;
  // A stream tells of room only after it had none: write until then.
  flush();
}

void RedisConnection::flush() {
  while (stream_ && unsent_at_ < unsent_.size()) {
    const net::Transfer sent = stream_->write(std::string_view(unsent_).substr(unsent_at_));
    if (sent.status != net::Transfer::Status::kDone) return;
    unsent_at_ += sent.bytes;
  }
  unsent_.clear();
  unsent_at_ = 0;
  if (unsent_.capacity() > RedisServer::kBufferSize) unsent_.shrink_to_fit();
}

void RedisConnection::read() {
  for (int i = 0; i < kReadsATurn; ++i) {
    if (!stream_ || phase_ == Phase::kConnecting) return;
    const net::Transfer got = stream_->read(server_.buffer.get(), RedisServer::kBufferSize);
    if (got.status == net::Transfer::Status::kWouldBlock) return;
    if (got.status != net::Transfer::Status::kDone) {
      lose(broken(got));
      return;
    }
    heard_ = true;
    take({server_.buffer.get(), got.bytes});
  }
  if (stream_) server_.timers.set(more_, server_.clock.now());
}

void RedisConnection::take(std::string_view bytes) {
  while (stream_) {
    const auto reply = reader_->next(bytes);
    if (!reply.ok()) {
      lose(error(reply.error().why));
      return;
    }
    if (*reply == nullptr) return;
    if (phase_ == Phase::kGreeting) {
      greeted(**reply);
      continue;
    }
    if (const auto taken = user_.on_reply(**reply); !taken.ok()) {
      lose(taken.error());
      return;
    }
  }
}

void RedisConnection::lose(const Error& why) {
  const bool was_ready = phase_ == Phase::kReady;
  phase_ = Phase::kPausing;
  stream_.reset();
  unsent_.clear();
  unsent_at_ = 0;
  server_.timers.cancel(more_);
  server_.timers.cancel(quiet_);
  const Time now = server_.clock.now();
  if (!was_ready) {
    ++turn_;
    if (++tried_ < server_.addresses.size()) {
      server_.timers.set(step_, now);  // the same server has another address
      return;
    }
  }
  tried_ = 0;
  // One that is lost as soon as it is ready is no better than one that can't be made.
  if (was_ready && now - ready_since_ >= kPauseMax) pauses_.begin_anew();
  const Duration pause = pauses_.next(server_.random);
  server_.timers.set(step_, now + server_.retry_every.value_or(pause));
  if (server_.look_up) server_.look_up();
  user_.on_lost(why);
}

void RedisConnection::on_quiet_due() {
  if (!heard_ && asked_) {
    lose(error("it has stopped answering"));
    return;
  }
  asked_ = !heard_ && user_.on_quiet();
  heard_ = false;
  if (stream_) server_.timers.set(quiet_, server_.clock.now() + kQuiet);
}

Error RedisConnection::error(std::string why) const {
  return Error{ErrorCode::kUnavailable, "can't reach the bus", server_.where, std::move(why),
               "is a Redis server running there? (redis-cli -u URL ping)"};
}

Error RedisConnection::broken(const net::Transfer& transfer) const {
  if (transfer.status == net::Transfer::Status::kEnd) return error("it ended the connection");
  if (std::string why = stream_->failure(); !why.empty()) {
    Error failed = error(std::move(why));
    failed.hint = "see the CA file, the certificate's names, and whether TLS is spoken there";
    return failed;
  }
  return error(std::generic_category().message(transfer.error));
}

}  // namespace galileo::bus
