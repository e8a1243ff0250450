#include "bus/redis_subscriber.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace galileo::bus {
namespace {

Error not_subscribed(const RedisListener& listener, const std::string& where) {
  const std::string& name =
      listener.channels.empty() ? listener.patterns.front() : listener.channels.front();
  return Error{
      ErrorCode::kUnavailable, fmt::format("can't subscribe to '{}'", name), where, {}, {}};
}

}  // namespace

RedisSubscriber::RedisSubscriber(RedisServer& server, std::function<void()> on_change)
    : server_(server), on_change_(std::move(on_change)), connection_(server, *this) {}

bool RedisSubscriber::has_any_of(const RedisListener& listener) const {
  const auto any = [](const ByName& map, const std::vector<std::string>& names) {
    return std::any_of(names.begin(), names.end(),
                       [&](const std::string& name) { return map.contains(name); });
  };
  return any(by_channel_, listener.channels) || any(by_pattern_, listener.patterns);
}

bool RedisSubscriber::complete() const {
  return std::all_of(listeners_.begin(), listeners_.end(), [this](const RedisListener* listener) {
    return !listener->established || (connection_.ready() && listener->unconfirmed == 0);
  });
}

void RedisSubscriber::add(RedisListener& listener, Duration timeout) {
  listeners_.push_back(&listener);
  for (const auto& name : listener.channels) by_channel_[name] = &listener;
  for (const auto& name : listener.patterns) by_pattern_[name] = &listener;
  listener.unconfirmed = listener.channels.size() + listener.patterns.size();
  listener.deadline.emplace([this, &listener, timeout](Time) { on_deadline(listener, timeout); });
  server_.timers.set(*listener.deadline, server_.clock.now() + timeout);
  if (connection_.ready()) subscribe(listener);
}

void RedisSubscriber::on_deadline(RedisListener& listener, Duration timeout) {
  Error error = not_subscribed(listener, server_.where);
  error.why = fmt::format("not confirmed in {}", format_duration(timeout));
  if (lost_) {
    error.why += fmt::format(": {}", lost_->why);
    error.hint = lost_->hint;
  }
  remove(listener);
  finish(listener, std::move(error));
}

void RedisSubscriber::remove(RedisListener& listener) {
  if (std::find(listeners_.begin(), listeners_.end(), &listener) == listeners_.end()) return;
  forget(listener);
  if (!connection_.ready()) return;
  ask("UNSUBSCRIBE", listener.channels, nullptr);
  ask("PUNSUBSCRIBE", listener.patterns, nullptr);
}

void RedisSubscriber::forget(RedisListener& listener) {
  listener.deadline.reset();
  std::erase(listeners_, &listener);
  for (const auto& name : listener.channels) by_channel_.erase(name);
  for (const auto& name : listener.patterns) by_pattern_.erase(name);
  for (Asked& asked : asked_) {
    if (asked.listener == &listener) asked.listener = nullptr;
  }
}

void RedisSubscriber::subscribe(RedisListener& listener) {
  listener.unconfirmed = listener.channels.size() + listener.patterns.size();
  ask("SUBSCRIBE", listener.channels, &listener);
  ask("PSUBSCRIBE", listener.patterns, &listener);
}

void RedisSubscriber::ask(const char* command, const std::vector<std::string>& names,
                          RedisListener* listener) {
  if (names.empty()) return;
  std::string bytes;
  begin_command(bytes, 1 + names.size());
  add_word(bytes, command);
  for (const auto& name : names) add_word(bytes, name);
  asked_.push_back({listener, names.size()});
  connection_.send(bytes);
}

void RedisSubscriber::on_ready() {
  lost_.reset();
  asked_.clear();
  for (RedisListener* listener : listeners_) subscribe(*listener);
}

void RedisSubscriber::on_lost(const Error& why) {
  lost_ = why;
  asked_.clear();
  on_change_();
}

bool RedisSubscriber::on_quiet() {
  std::string bytes;
  add_command(bytes, {"PING"});
  connection_.send(bytes);
  return true;
}

// The kinds of push are told apart by their length: message, pmessage, (p)subscribe,
// (p)unsubscribe, pong.
Result<void> RedisSubscriber::on_reply(const Reply& reply) {
  if (is_only_of_changes(reply)) return {};  // to a ping, as subscriptions change nothing
  if (reply.kind() == ReplyKind::kError) return refused(reply.text());
  if (reply.kind() == ReplyKind::kStatus) return {};  // to a ping while nothing is subscribed
  if (reply.kind() != ReplyKind::kArray || reply.parts() < 3)
    return Error{ErrorCode::kCorrupt, "can't use the bus", server_.where,
                 "it sends what no subscription gets", "is that a Redis server?"};
  const std::string_view kind = reply.text(1);
  if (kind == "message" && reply.parts() == 4) {
    const auto found = by_channel_.find(reply.text(2));
    if (found != by_channel_.end()) found->second->on_message(reply.text(2), reply.text(3));
  } else if (kind == "pmessage" && reply.parts() == 5) {
    const auto found = by_pattern_.find(reply.text(2));
    if (found != by_pattern_.end()) found->second->on_message(reply.text(3), reply.text(4));
  } else if (kind.ends_with("subscribe")) {
    confirmed();
  }
  return {};
}

void RedisSubscriber::confirmed() {
  if (asked_.empty()) return;
  Asked& asked = asked_.front();
  RedisListener* const listener = asked.listener;
  if (--asked.left == 0) asked_.pop_front();
  if (!listener || listener->unconfirmed == 0) return;
  --listener->unconfirmed;
  if (listener->unconfirmed > 0) return;
  if (listener->established) {
    on_change_();
    return;
  }
  listener->established = true;
  finish(*listener, {});
}

// An error reply is the answer to the oldest command.
Result<void> RedisSubscriber::refused(std::string_view reply) {
  RedisListener* const listener = asked_.empty() ? nullptr : asked_.front().listener;
  if (!asked_.empty()) asked_.pop_front();
  // A subscription that was there and isn't allowed any more: begin again, ever less often.
  if (!listener || listener->established)
    return error_of_reply("can't subscribe", server_.where, reply);
  const Error failed = not_subscribed(*listener, server_.where);
  remove(*listener);
  finish(*listener, error_of_reply(failed.what, failed.where, reply));
  return {};
}

void RedisSubscriber::finish(RedisListener& listener, Result<void> result) {
  listener.deadline.reset();
  if (listener.on_done) std::exchange(listener.on_done, nullptr)(std::move(result));
}

}  // namespace galileo::bus
