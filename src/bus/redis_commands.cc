#include "bus/redis_commands.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace galileo::bus {

RedisCommands::RedisCommands(RedisServer& server, OnState on_state)
    : server_(server), on_state_(std::move(on_state)), connection_(server, *this) {
  ping_.what = "can't ping";
  add_command(ping_.bytes, {"PING"});
}

void RedisCommands::submit(RedisCall& call) {
  call.answered = 0;
  call.error.reset();
  call.deadline.emplace([this, &call](Time) { on_deadline(call); });
  server_.timers.set(*call.deadline, server_.clock.now() + call.timeout);
  if (ready())
    send(call);
  else
    waiting_.push_back(&call);
}

void RedisCommands::send(RedisCall& call) {
  under_way_.push_back(&call);
  connection_.send(call.bytes);
}

void RedisCommands::on_ready() {
  lost_.reset();
  while (!waiting_.empty()) {
    RedisCall& call = *waiting_.front();
    waiting_.pop_front();
    send(call);
  }
  on_state_(nullptr);
}

Result<void> RedisCommands::on_reply(const Reply& reply) {
  if (under_way_.empty())
    return Error{ErrorCode::kCorrupt, "can't use the bus", server_.where,
                 "it answers what wasn't asked", "is that a Redis server?"};
  RedisCall& call = *under_way_.front();
  ++call.answered;
  if (!call.error) {
    if (reply.kind() == ReplyKind::kError) {
      call.error = error_of_reply(call.what, server_.where, reply.text());
    } else if (call.on_reply) {
      if (auto taken = call.on_reply(reply); !taken.ok()) call.error = std::move(taken).error();
    }
  }
  if (call.answered < call.replies) return {};
  under_way_.pop_front();
  finish(call, call.error ? Result<void>(*std::move(call.error)) : Result<void>());
  return {};
}

void RedisCommands::on_lost(const Error& why) {
  lost_ = why;
  // The newest first, so that what is asked again stands in its old order before what waits.
  while (!under_way_.empty()) {
    RedisCall& call = *under_way_.back();
    under_way_.pop_back();
    if (call.repeatable) {
      call.answered = 0;
      call.error.reset();
      waiting_.push_front(&call);
    } else {
      finish(call, Error{ErrorCode::kUnavailable, call.what, server_.where,
                         fmt::format("the connection broke meanwhile ({})", why.why),
                         "it may have been carried out: look before doing it again"});
    }
  }
  on_state_(&why);
}

bool RedisCommands::on_quiet() {
  // A call under way has a deadline of its own, and may wait for long (BRPOP).
  if (!idle()) return false;
  ping_.answered = 0;
  ping_.error.reset();
  send(ping_);
  return true;
}

void RedisCommands::on_deadline(RedisCall& call) {
  const auto found = std::find(waiting_.begin(), waiting_.end(), &call);
  Error error{ErrorCode::kUnavailable, call.what, server_.where,
              fmt::format("no answer in {}", format_duration(call.timeout)),
              "see whether the server is busy (redis-cli --latency)"};
  if (found == waiting_.end()) {
    under_way_.erase(std::find(under_way_.begin(), under_way_.end(), &call));
    finish(call, error);
    // Its answer would be taken for the next one's; and a server that is silent for so long is as
    // good as gone.
    connection_.lose(error);
    return;
  }
  waiting_.erase(found);
  error.why = fmt::format("no connection in {}", format_duration(call.timeout));
  if (lost_) {
    error.why += fmt::format(": {}", lost_->why);
    error.hint = lost_->hint;
  }
  finish(call, std::move(error));
}

void RedisCommands::finish(RedisCall& call, Result<void> result) {
  call.deadline.reset();
  const auto on_done = std::move(call.on_done);  // `call` may be gone as soon as it is told
  if (on_done) on_done(std::move(result));
}

}  // namespace galileo::bus
