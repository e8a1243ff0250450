#include "bus/redis.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <future>
#include <set>

#include "base/check.h"
#include "base/counters.h"
#include "bus/bus_options.h"
#include "bus/redis_changes.h"
#include "bus/redis_commands.h"
#include "bus/redis_subscriber.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "net/tls.h"

namespace galileo::bus {
namespace {

// What publish_all() makes into one write: some thousand traces. More go in several.
constexpr std::size_t kChunk = std::size_t{1} << 20;
// Connections for waiting that are kept when nobody waits.
constexpr std::size_t kIdlePoppersMax = 4;
constexpr const char* kScanCount = "1000";

std::uint64_t any_seed() {
  const Duration wall = net::RealClock().wall_clock().wall_origin.time_since_epoch();
  return static_cast<std::uint64_t>(wall.count()) ^ static_cast<std::uint64_t>(getpid());
}

Result<std::vector<net::Address>> addresses_of(const BusPlace& place) {
  if (place.kind == BusPlace::Kind::kUnix)
    return std::vector<net::Address>{TRY(net::unix_address(place.path))};
  const bool v6 = place.host.find(':') != std::string::npos;
  return net::resolve(
      fmt::format("{}{}{}:{}", v6 ? "[" : "", place.host, v6 ? "]" : "", place.port), 0);
}

std::string cant_read(std::string_view key) {
  return fmt::format("can't read '{}'", key);
}

// The texts of an array's elements, from `part`, the array's own.
Result<void> take_texts(const Reply& reply, std::size_t part, std::vector<std::string>& texts) {
  texts.clear();
  const std::size_t end = reply.after(part);
  for (std::size_t i = part + 1; i < end; ++i) texts.emplace_back(reply.text(i));
  return {};
}

// The fields of a hash, which is an array of names and values, from `part`, the array's own.
Result<void> take_fields(const Reply& reply, std::size_t part,
                         std::map<std::string, std::string>& fields) {
  const std::size_t end = reply.after(part);
  for (std::size_t i = part + 1; i + 1 < end; i += 2)
    fields[std::string(reply.text(i))] = reply.text(i + 1);
  return {};
}

class Redis final : public Bus {
 public:
  Redis(const BusPlace& place, const BusOptions& options)
      : place_(place), call_timeout_(options.call_timeout), desk_("bus") {
    server_.where = place.shown;
    server_.attempt_timeout = options.connect_timeout;
    add_greeting(server_, place.user, place.password, place.database);
  }
  ~Redis() override;
  Result<void> open(const BusOptions& options);

  Result<std::uint64_t> publish(std::string_view channel, std::string_view message) override;
  Result<std::vector<std::uint64_t>> publish_all(
      std::string_view channel, const std::vector<std::string_view>& messages) override;
  Result<std::vector<std::int64_t>> change(const std::vector<Change>& changes) override;
  Result<std::optional<std::vector<std::int64_t>>> change_if(
      const std::vector<Holds>& conditions, const std::vector<Change>& changes) override;
  Result<std::optional<std::string>> text(const std::string& key) override;
  Result<std::vector<std::string>> set_members(const std::string& key) override;
  Result<std::map<std::string, std::string>> hash(const std::string& key) override;
  Result<std::vector<std::map<std::string, std::string>>> hashes(
      const std::vector<std::string>& keys) override;
  Result<std::vector<std::string>> list(const std::string& key, std::int64_t first,
                                        std::int64_t last) override;
  Result<std::vector<std::vector<std::string>>> lists(
      const std::vector<std::string>& keys) override;
  Result<std::uint64_t> list_size(const std::string& key) override;
  Result<std::optional<std::string>> pop_right(const std::string& key, Duration wait) override;
  Result<std::vector<std::string>> pop_right_many(const std::string& key,
                                                  std::size_t count) override;
  Result<std::vector<std::string>> keys(const std::string& pattern) override;
  Result<std::vector<std::string>> channels(const std::string& pattern) override;
  Result<std::unique_ptr<Subscription>> subscribe(const std::vector<std::string>& channels,
                                                  const std::vector<std::string>& patterns,
                                                  OnMessage on_message) override;
  void on_connected(std::function<void(bool connected)> callback) override;
  bool connected() const override { return connected_.load(); }
  const std::string& where() const override { return place_.shown; }
  std::vector<std::pair<std::string, std::string>> variables() const override {
    return variables_of(place_);
  }

  void remove(RedisListener& listener);

 private:
  using TakeReply = std::function<Result<void>(const Reply&)>;
  enum class Way : std::uint8_t { kCommands, kPopper };

  // Asks the server and waits for the answers, which `take` gets at the desk.
  Result<void> ask(RedisCall& call, TakeReply take, Way way = Way::kCommands);
  // One command that only reads.
  Result<void> read(std::string what, std::initializer_list<std::string_view> words,
                    TakeReply take);
  // A command for each key, all at one moment, which only read; `take` gets an answer and its part.
  Result<void> read_each(
      const std::vector<std::string>& keys,
      const std::function<void(std::string&, const std::string&)>& add,
      const std::function<Result<void>(const Reply&, std::size_t part, std::size_t key)>& take);
  Result<void> publish_chunk(std::string_view channel, std::string& bytes, std::size_t messages,
                             std::vector<std::uint64_t>& counts);
  RedisCommands& popper();
  RedisSubscriber& subscriber_for(const RedisListener& listener);
  void drop_empty();
  void look_up();
  void on_commands_state(const Error* lost);
  void note_state();
  void end_first(Result<void> result);
  // MULTI, those commands, EXEC: answered by 2 replies more, the last of which has theirs.
  static void add_transaction(RedisCall& call, std::string_view commands, std::size_t count);
  Result<void> no_error(const std::string& what, const Reply& reply, std::size_t part) const;

  const BusPlace place_;
  const Duration call_timeout_;
  RelaxedFlag connected_;
  net::LoopThread desk_;
  // What follows is the desk's.
  net::TcpConnector tcp_{desk_.loop()};
  std::unique_ptr<net::TlsConnector> tls_;
  std::unique_ptr<net::LoopThread> resolver_;  // made when a name has to be looked up again
  bool looking_up_ = false;
  RedisServer server_{desk_.loop().clock(), desk_.loop().timers(), tcp_, any_seed()};
  std::unique_ptr<RedisCommands> commands_;
  std::vector<std::unique_ptr<RedisCommands>> poppers_;
  std::vector<std::unique_ptr<RedisSubscriber>> subscribers_;
  std::function<void(Result<void>)> on_first_;  // until the first connection is made, or not
  std::optional<net::Timer> give_up_;           // then
  Error no_connection_yet_;
  std::function<void(bool)> on_connected_;
};

class RedisSubscription final : public Subscription {
 public:
  RedisSubscription(Redis& bus, std::unique_ptr<RedisListener> listener)
      : bus_(bus), listener_(std::move(listener)) {}
  ~RedisSubscription() override { bus_.remove(*listener_); }

 private:
  Redis& bus_;
  std::unique_ptr<RedisListener> listener_;
};

Result<void> Redis::open(const BusOptions& options) {
  server_.retry_every = options.retry_every;
  server_.addresses = TRY(addresses_of(place_));
  if (place_.kind == BusPlace::Kind::kTcp && !net::literal_address(place_.host, place_.port).ok())
    server_.look_up = [this] { look_up(); };
  if (place_.tls) {
    tls_ =
        TRY(net::TlsConnector::make(tcp_, {place_.host, options.ca_file, options.certificate_file,
                                           options.key_file, options.verify_certificate}));
    server_.connector = tls_.get();
  }
  std::promise<Result<void>> first;
  desk_.call([&] {
    on_first_ = [&first](Result<void> result) { first.set_value(std::move(result)); };
    give_up_.emplace([this](Time) { end_first(no_connection_yet_); });
    no_connection_yet_ = Error{ErrorCode::kUnavailable, "can't reach the bus", place_.shown,
                               "no connection in time", "is a Redis server running there?"};
    server_.timers.set(*give_up_, server_.clock.now() + options.connect_timeout);
    commands_ = std::make_unique<RedisCommands>(
        server_, [this](const Error* lost) { on_commands_state(lost); });
    commands_->start();
  });
  return first.get_future().get();
}

Redis::~Redis() {
  desk_.call([this] {
    subscribers_.clear();
    poppers_.clear();
    commands_.reset();
    give_up_.reset();
  });
  resolver_.reset();
  desk_.call([] {});  // what the resolver has found finds the desk still there
}

void Redis::end_first(Result<void> result) {
  give_up_.reset();
  if (on_first_) std::exchange(on_first_, nullptr)(std::move(result));
}

void Redis::on_commands_state(const Error* lost) {
  note_state();
  if (!on_first_) return;
  if (!lost) {
    end_first({});
  } else if (lost->why.starts_with("LOADING") || lost->why.starts_with("BUSY")) {
    no_connection_yet_ = *lost;  // it is there, and will serve in a moment
  } else {
    end_first(*lost);
  }
}

// The bus is connected when its commands are, and all that was subscribed is.
void Redis::note_state() {
  const bool connected = commands_ && commands_->ready() &&
                         std::all_of(subscribers_.begin(), subscribers_.end(),
                                     [](const auto& subscriber) { return subscriber->complete(); });
  if (connected == connected_.load()) return;
  connected_.set(connected);
  if (on_connected_) on_connected_(connected);
}

void Redis::on_connected(std::function<void(bool connected)> callback) {
  desk_.call([&] { on_connected_ = std::move(callback); });
}

// The name may mean another address by now; asking may take seconds, which the desk hasn't.
void Redis::look_up() {
  if (looking_up_) return;
  looking_up_ = true;
  if (!resolver_) resolver_ = std::make_unique<net::LoopThread>("bus-resolver");
  resolver_->loop().post([this] {
    desk_.loop().post([this, found = addresses_of(place_)] {
      looking_up_ = false;
      if (found.ok()) server_.addresses = *found;
    });
  });
}

Result<void> Redis::ask(RedisCall& call, TakeReply take, Way way) {
  ENSURE(!desk_.is_current());
  std::promise<Result<void>> done;
  call.on_reply = std::move(take);
  call.on_done = [&done](Result<void> result) { done.set_value(std::move(result)); };
  desk_.loop().post([&] {
    RedisCommands& commands = way == Way::kPopper ? popper() : *commands_;
    commands.submit(call);
  });
  return done.get_future().get();
}

void Redis::add_transaction(RedisCall& call, std::string_view commands, std::size_t count) {
  add_command(call.bytes, {"MULTI"});
  call.bytes += commands;
  add_command(call.bytes, {"EXEC"});
  call.replies = count + 2;
}

Result<void> Redis::no_error(const std::string& what, const Reply& reply, std::size_t part) const {
  if (reply.kind(part) != ReplyKind::kError) return {};
  return error_of_reply(what, server_.where, reply.text(part));
}

Result<void> Redis::read(std::string what, std::initializer_list<std::string_view> words,
                         TakeReply take) {
  RedisCall call;
  call.what = std::move(what);
  call.repeatable = true;
  call.timeout = call_timeout_;
  add_command(call.bytes, words);
  return ask(call, std::move(take));
}

Result<std::uint64_t> Redis::publish(std::string_view channel, std::string_view message) {
  const std::vector<std::uint64_t> counts = TRY(publish_all(channel, {message}));
  return counts.front();
}

Result<std::vector<std::uint64_t>> Redis::publish_all(
    std::string_view channel, const std::vector<std::string_view>& messages) {
  std::string head;
  begin_command(head, 3);
  add_word(head, "PUBLISH");
  add_word(head, channel);
  std::vector<std::uint64_t> counts;
  counts.reserve(messages.size());
  std::string bytes;
  std::size_t in_chunk = 0;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    bytes += head;
    add_word(bytes, messages[i]);
    ++in_chunk;
    if (bytes.size() < kChunk && i + 1 < messages.size()) continue;
    TRY(publish_chunk(channel, bytes, in_chunk, counts));
    bytes.clear();
    in_chunk = 0;
  }
  return counts;
}

Result<void> Redis::publish_chunk(std::string_view channel, std::string& bytes,
                                  std::size_t messages, std::vector<std::uint64_t>& counts) {
  RedisCall call;
  call.what = fmt::format("can't publish to '{}'", channel);
  call.bytes = std::move(bytes);
  call.replies = messages;
  call.timeout = call_timeout_;
  auto result = ask(call, [&](const Reply& reply) -> Result<void> {
    counts.push_back(static_cast<std::uint64_t>(reply.integer()));
    return {};
  });
  bytes = std::move(call.bytes);  // its memory serves the next chunk
  return result;
}

Result<std::vector<std::int64_t>> Redis::change(const std::vector<Change>& changes) {
  RedisCall call;
  std::vector<std::int64_t> counts(changes.size(), 0);
  std::vector<std::size_t> places;  // of the changes that are sent
  std::string bytes;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (does_nothing(changes[i])) continue;
    if (call.what.empty()) call.what = fmt::format("can't change '{}'", changes[i].key);
    add_change(bytes, changes[i]);
    places.push_back(i);
  }
  if (places.empty()) return counts;
  call.timeout = call_timeout_;
  if (places.size() == 1) {
    call.bytes = std::move(bytes);
    TRY(ask(call, [&](const Reply& reply) -> Result<void> {
      counts[places.front()] = number_of(reply, 0);
      return {};
    }));
    return counts;
  }
  add_transaction(call, bytes, places.size());
  TRY(ask(call, [&](const Reply& reply) -> Result<void> {
    if (reply.kind() != ReplyKind::kArray) return {};  // "OK", "QUEUED"
    for (std::size_t i = 0; i < places.size() && i + 1 < reply.parts(); ++i) {
      TRY(no_error(call.what, reply, i + 1));
      counts[places[i]] = number_of(reply, i + 1);
    }
    return {};
  }));
  return counts;
}

// By a script, which the server runs with nobody in between.
Result<std::optional<std::vector<std::int64_t>>> Redis::change_if(
    const std::vector<Holds>& conditions, const std::vector<Change>& changes) {
  RedisCall call;
  std::vector<std::int64_t> counts(changes.size(), 0);
  std::vector<std::size_t> places;
  std::vector<Change> meant;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (does_nothing(changes[i])) continue;
    meant.push_back(changes[i]);
    places.push_back(i);
  }
  call.what = fmt::format("can't change '{}'", !meant.empty()       ? meant.front().key
                                               : conditions.empty() ? ""
                                                                    : conditions.front().key);
  add_change_if(call.bytes, conditions, meant);
  call.timeout = call_timeout_;
  bool held = false;
  TRY(ask(call, [&](const Reply& reply) -> Result<void> {
    held = reply.kind() == ReplyKind::kArray;
    for (std::size_t i = 0; held && i < places.size() && i + 1 < reply.parts(); ++i)
      counts[places[i]] = number_of(reply, i + 1);
    return {};
  }));
  return held ? std::optional(counts) : std::nullopt;
}

Result<std::optional<std::string>> Redis::text(const std::string& key) {
  std::optional<std::string> found;
  TRY(read(cant_read(key), {"GET", key}, [&](const Reply& reply) -> Result<void> {
    if (reply.kind() == ReplyKind::kText) found = reply.text();
    return {};
  }));
  return found;
}

Result<std::vector<std::string>> Redis::set_members(const std::string& key) {
  std::vector<std::string> members;
  TRY(read(cant_read(key), {"SMEMBERS", key},
           [&](const Reply& reply) { return take_texts(reply, 0, members); }));
  std::sort(members.begin(), members.end());
  return members;
}

Result<std::map<std::string, std::string>> Redis::hash(const std::string& key) {
  std::map<std::string, std::string> fields;
  TRY(read(cant_read(key), {"HGETALL", key},
           [&](const Reply& reply) { return take_fields(reply, 0, fields); }));
  return fields;
}

Result<std::vector<std::map<std::string, std::string>>> Redis::hashes(
    const std::vector<std::string>& keys) {
  std::vector<std::map<std::string, std::string>> found(keys.size());
  TRY(read_each(
      keys,
      [](std::string& bytes, const std::string& key) { add_command(bytes, {"HGETALL", key}); },
      [&](const Reply& reply, std::size_t part, std::size_t key) {
        return take_fields(reply, part, found[key]);
      }));
  return found;
}

Result<std::vector<std::string>> Redis::list(const std::string& key, std::int64_t first,
                                             std::int64_t last) {
  std::vector<std::string> elements;
  TRY(read(cant_read(key), {"LRANGE", key, std::to_string(first), std::to_string(last)},
           [&](const Reply& reply) { return take_texts(reply, 0, elements); }));
  return elements;
}

Result<std::vector<std::vector<std::string>>> Redis::lists(const std::vector<std::string>& keys) {
  std::vector<std::vector<std::string>> found(keys.size());
  TRY(read_each(
      keys,
      [](std::string& bytes, const std::string& key) {
        add_command(bytes, {"LRANGE", key, "0", "-1"});
      },
      [&](const Reply& reply, std::size_t part, std::size_t key) {
        return take_texts(reply, part, found[key]);
      }));
  return found;
}

Result<void> Redis::read_each(
    const std::vector<std::string>& keys,
    const std::function<void(std::string&, const std::string&)>& add,
    const std::function<Result<void>(const Reply&, std::size_t, std::size_t)>& take) {
  if (keys.empty()) return {};
  RedisCall call;
  call.what = cant_read(keys.front());
  call.repeatable = true;
  call.timeout = call_timeout_;
  std::string bytes;
  for (const auto& key : keys) add(bytes, key);
  add_transaction(call, bytes, keys.size());
  return ask(call, [&](const Reply& reply) -> Result<void> {
    if (reply.kind() != ReplyKind::kArray) return {};  // "OK", "QUEUED"
    std::size_t part = 1;
    for (std::size_t i = 0; i < keys.size() && part < reply.parts(); ++i) {
      TRY(no_error(cant_read(keys[i]), reply, part));
      TRY(take(reply, part, i));
      part = reply.after(part);
    }
    return {};
  });
}

Result<std::uint64_t> Redis::list_size(const std::string& key) {
  std::uint64_t size = 0;
  TRY(read(cant_read(key), {"LLEN", key}, [&](const Reply& reply) -> Result<void> {
    size = static_cast<std::uint64_t>(reply.integer());
    return {};
  }));
  return size;
}

Result<std::optional<std::string>> Redis::pop_right(const std::string& key, Duration wait) {
  RedisCall call;
  call.what = fmt::format("can't take from '{}'", key);
  call.timeout = call_timeout_ + std::max(wait, Duration{0});
  const bool waits = wait.count() > 0;
  if (waits)
    add_command(call.bytes, {"BRPOP", key, seconds_word(wait)});
  else
    add_command(call.bytes, {"RPOP", key});
  std::optional<std::string> taken;
  // BRPOP gives the list's name first.
  TRY(ask(
      call,
      [&](const Reply& reply) -> Result<void> {
        if (reply.kind(reply.parts() - 1) == ReplyKind::kText)
          taken = reply.text(reply.parts() - 1);
        return {};
      },
      waits ? Way::kPopper : Way::kCommands));
  return taken;
}

// Not RPOP with a count, which servers before 6.2 don't have.
Result<std::vector<std::string>> Redis::pop_right_many(const std::string& key, std::size_t count) {
  std::vector<std::string> taken;
  if (count == 0) return taken;
  RedisCall call;
  call.what = fmt::format("can't take from '{}'", key);
  call.timeout = call_timeout_;
  std::string bytes;
  add_command(bytes, {"LRANGE", key, fmt::format("-{}", count), "-1"});
  add_command(bytes, {"LTRIM", key, "0", fmt::format("-{}", count + 1)});
  add_transaction(call, bytes, 2);
  TRY(ask(call, [&](const Reply& reply) -> Result<void> {
    if (reply.kind() != ReplyKind::kArray || reply.parts() < 2) return {};
    TRY(no_error(call.what, reply, 1));
    return take_texts(reply, 1, taken);
  }));
  std::reverse(taken.begin(), taken.end());
  return taken;
}

Result<std::vector<std::string>> Redis::keys(const std::string& pattern) {
  std::set<std::string> found;  // SCAN may tell of a key twice
  std::string cursor = "0";
  do {
    TRY(read(fmt::format("can't look for keys '{}'", pattern),
             {"SCAN", cursor, "MATCH", pattern, "COUNT", kScanCount},
             [&](const Reply& reply) -> Result<void> {
               cursor = reply.parts() > 1 ? reply.text(1) : "0";
               for (std::size_t i = 3; i < reply.parts(); ++i) found.emplace(reply.text(i));
               return {};
             }));
  } while (cursor != "0");
  return std::vector<std::string>(found.begin(), found.end());
}

Result<std::vector<std::string>> Redis::channels(const std::string& pattern) {
  std::vector<std::string> found;
  TRY(read(fmt::format("can't look for channels '{}'", pattern), {"PUBSUB", "CHANNELS", pattern},
           [&](const Reply& reply) { return take_texts(reply, 0, found); }));
  std::sort(found.begin(), found.end());
  return found;
}

Result<std::unique_ptr<Subscription>> Redis::subscribe(const std::vector<std::string>& channels,
                                                       const std::vector<std::string>& patterns,
                                                       OnMessage on_message) {
  ENSURE(!desk_.is_current());
  const std::set<std::string> channel_names(channels.begin(), channels.end());
  const std::set<std::string> pattern_names(patterns.begin(), patterns.end());
  auto listener = std::make_unique<RedisListener>();
  listener->channels.assign(channel_names.begin(), channel_names.end());
  listener->patterns.assign(pattern_names.begin(), pattern_names.end());
  listener->on_message = std::move(on_message);
  if (!channels.empty() || !patterns.empty()) {
    std::promise<Result<void>> done;
    listener->on_done = [&done](Result<void> result) { done.set_value(std::move(result)); };
    desk_.loop().post([&] { subscriber_for(*listener).add(*listener, call_timeout_); });
    const Result<void> confirmed = done.get_future().get();
    if (!confirmed.ok()) {
      // A connection that was made for it would be wanted for ever.
      desk_.call([this] { drop_empty(); });
      return confirmed.error();
    }
  }
  return std::make_unique<RedisSubscription>(*this, std::move(listener));
}

// The server counts a connection once for a channel, however many of us listen there.
RedisSubscriber& Redis::subscriber_for(const RedisListener& listener) {
  for (const auto& subscriber : subscribers_) {
    if (!subscriber->has_any_of(listener)) return *subscriber;
  }
  subscribers_.push_back(std::make_unique<RedisSubscriber>(server_, [this] { note_state(); }));
  subscribers_.back()->start();
  return *subscribers_.back();
}

void Redis::remove(RedisListener& listener) {
  desk_.call([&] {
    for (const auto& subscriber : subscribers_) subscriber->remove(listener);
    drop_empty();
  });
}

void Redis::drop_empty() {
  std::erase_if(subscribers_, [](const auto& subscriber) { return subscriber->empty(); });
  note_state();
}

// A connection that nobody waits on, of those that there are or a new one.
RedisCommands& Redis::popper() {
  std::size_t idle = 0;
  std::erase_if(poppers_,
                [&](const auto& commands) { return commands->idle() && ++idle > kIdlePoppersMax; });
  for (const auto& commands : poppers_) {
    if (commands->idle()) return *commands;
  }
  poppers_.push_back(std::make_unique<RedisCommands>(server_, [](const Error*) {}));
  poppers_.back()->start();
  return *poppers_.back();
}

}  // namespace

Result<std::unique_ptr<Bus>> connect_redis(const BusPlace& place, const BusOptions& options) {
  auto bus = std::make_unique<Redis>(place, options);
  TRY(bus->open(options));
  return std::unique_ptr<Bus>(std::move(bus));
}

}  // namespace galileo::bus
