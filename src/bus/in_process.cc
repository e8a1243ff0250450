#include "bus/in_process.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <future>
#include <set>
#include <variant>

#include "base/check.h"
#include "base/text.h"
#include "bus/pattern.h"
#include "net/loop.h"

namespace galileo::bus {
namespace {

using Set = std::set<std::string>;
using Hash = std::map<std::string, std::string>;
using List = std::deque<std::string>;

struct Value {
  std::variant<std::string, Set, Hash, List> holds;
  Time expires = kNever;
};

Error holds_another(const std::string& key) {
  return Error{ErrorCode::kCorrupt, fmt::format("can't use '{}'", key),
               "in-process:", "it holds another kind of value",
               "somebody keeps another thing under that name: remove it"};
}

// The keys and what they hold. Lives on the desk.
class Keys {
 public:
  explicit Keys(const net::Clock& clock) : clock_(clock) {}

  // What the key holds; null where there is nothing. An Error where it is another kind.
  template <class T>
  Result<T*> find(const std::string& key) {
    const auto found = values_.find(key);
    if (found == values_.end()) return nullptr;
    if (found->second.expires <= clock_.now()) {
      values_.erase(found);
      return nullptr;
    }
    T* const held = std::get_if<T>(&found->second.holds);
    if (!held) return holds_another(key);
    return held;
  }

  // The same, made where there is nothing.
  template <class T>
  Result<T*> make(const std::string& key) {
    if (T* const held = TRY(find<T>(key))) return held;
    return &std::get<T>(put(key, T{}, kNever).holds);
  }

  // As Redis has it: what is empty isn't there.
  template <class T>
  void drop_if_empty(const std::string& key, const T* held) {
    if (held && held->empty()) values_.erase(key);
  }

  bool remove(const std::string& key) {
    const bool was_there = has(key);
    values_.erase(key);
    return was_there;
  }

  void set(const std::string& key, std::string text, Duration expiry) {
    put(key, std::move(text), expiry.count() > 0 ? clock_.now() + expiry : kNever);
  }

  bool expire(const std::string& key, Duration after) {
    if (!has(key)) return false;
    values_[key].expires = clock_.now() + after;
    return true;
  }

  std::vector<std::string> matching(const std::string& pattern) const {
    std::vector<std::string> found;
    for (const auto& [key, value] : values_) {
      if (value.expires > clock_.now() && matches(pattern, key)) found.push_back(key);
    }
    return found;
  }

 private:
  template <class T>
  Value& put(const std::string& key, T holds, Time expires) {
    values_.erase(key);
    return values_.emplace(key, Value{std::move(holds), expires}).first->second;
  }

  bool has(const std::string& key) const {
    const auto found = values_.find(key);
    return found != values_.end() && found->second.expires > clock_.now();
  }

  const net::Clock& clock_;
  std::map<std::string, Value> values_;
};

std::vector<std::string> part_of(const List& list, std::int64_t first, std::int64_t last) {
  const auto size = static_cast<std::int64_t>(list.size());
  if (first < 0) first = std::max<std::int64_t>(first + size, 0);
  if (last < 0) last += size;
  last = std::min(last, size - 1);
  if (first > last) return {};
  return {list.begin() + first, list.begin() + last + 1};
}

// Changes of one kind of value each: how many were new, gone or are there now.
Result<std::int64_t> add_to_set(Keys& keys, const Change& change) {
  Set* const set = TRY(keys.make<Set>(change.key));
  std::int64_t added = 0;
  for (const auto& member : change.values) added += set->insert(member).second ? 1 : 0;
  return added;
}

Result<std::int64_t> add_to_hash(Keys& keys, const Change& change) {
  Hash* const hash = TRY(keys.make<Hash>(change.key));
  const std::size_t before = hash->size();
  for (std::size_t i = 0; i + 1 < change.values.size(); i += 2)
    (*hash)[change.values[i]] = change.values[i + 1];
  return static_cast<std::int64_t>(hash->size() - before);
}

Result<std::int64_t> add_to_list(Keys& keys, const Change& change) {
  List* const list = TRY(keys.make<List>(change.key));
  for (const auto& value : change.values) {
    if (change.kind == Change::Kind::kListPushLeft)
      list->push_front(value);
    else
      list->push_back(value);
  }
  return static_cast<std::int64_t>(list->size());
}

Result<std::int64_t> remove_from_list(Keys& keys, const Change& change) {
  List* const list = TRY(keys.find<List>(change.key));
  if (!list) return 0;
  const auto found = std::find(list->begin(), list->end(), change.values.at(0));
  if (found == list->end()) return 0;
  list->erase(found);
  keys.drop_if_empty(change.key, list);
  return 1;
}

Result<std::int64_t> trim_list(Keys& keys, const Change& change) {
  List* const list = TRY(keys.find<List>(change.key));
  if (!list) return 1;
  const auto at = [&](std::size_t i) {
    return static_cast<std::int64_t>(parse_number(change.values.at(i)).value_or(0));
  };
  std::vector<std::string> kept = part_of(*list, at(0), at(1));
  list->assign(std::make_move_iterator(kept.begin()), std::make_move_iterator(kept.end()));
  keys.drop_if_empty(change.key, list);
  return 1;
}

Result<std::int64_t> move_last(Keys& keys, const Change& change) {
  List* const list = TRY(keys.find<List>(change.key));
  if (!list || list->empty()) return 0;
  TRY(keys.find<List>(change.values.at(0)));  // is it a list?
  std::string last = std::move(list->back());
  list->pop_back();
  keys.drop_if_empty(change.key, list);
  TRY(keys.make<List>(change.values.at(0)))->push_front(std::move(last));
  return 1;
}

template <class T>
Result<std::int64_t> take_from(Keys& keys, const Change& change) {
  T* const held = TRY(keys.find<T>(change.key));
  std::size_t taken = 0;
  for (const auto& name : change.values) taken += held ? held->erase(name) : 0;
  keys.drop_if_empty(change.key, held);
  return static_cast<std::int64_t>(taken);
}

struct Listener {
  std::vector<std::string> channels;
  std::vector<std::string> patterns;
  OnMessage on_message;
};

// One who waits for an element of a list. On the caller's stack; touched at the desk only.
struct Waiter {
  std::string key;
  std::promise<std::optional<std::string>> done;
  std::optional<net::Timer> timer;
};

class InProcess final : public Bus {
 public:
  InProcess() : desk_("bus"), keys_(desk_.loop().clock()) {}
  ~InProcess() override { ENSURE(listeners_.empty() && waiters_.empty()); }

  Result<std::uint64_t> publish(std::string_view channel, std::string_view message) override {
    return at_desk([&]() -> Result<std::uint64_t> { return deliver(channel, message); });
  }

  Result<std::vector<std::uint64_t>> publish_all(
      std::string_view channel, const std::vector<std::string_view>& messages) override {
    return at_desk([&]() -> Result<std::vector<std::uint64_t>> {
      std::vector<std::uint64_t> counts;
      counts.reserve(messages.size());
      for (const std::string_view message : messages) counts.push_back(deliver(channel, message));
      return counts;
    });
  }

  Result<std::vector<std::int64_t>> change(const std::vector<Change>& changes) override {
    return at_desk([&] { return make_all(changes); });
  }

  Result<std::optional<std::vector<std::int64_t>>> change_if(
      const std::vector<Holds>& conditions, const std::vector<Change>& changes) override {
    return at_desk([&]() -> Result<std::optional<std::vector<std::int64_t>>> {
      for (const Holds& condition : conditions) {
        const std::string* const held = TRY(keys_.find<std::string>(condition.key));
        if (held ? condition.text != *held : condition.text.has_value()) return std::nullopt;
      }
      return std::optional(TRY(make_all(changes)));
    });
  }

  Result<std::optional<std::string>> text(const std::string& key) override {
    return at_desk([&]() -> Result<std::optional<std::string>> {
      const std::string* const text = TRY(keys_.find<std::string>(key));
      return text ? std::optional(*text) : std::nullopt;
    });
  }

  Result<std::vector<std::string>> set_members(const std::string& key) override {
    return at_desk([&]() -> Result<std::vector<std::string>> {
      const Set* const set = TRY(keys_.find<Set>(key));
      return set ? std::vector<std::string>(set->begin(), set->end()) : std::vector<std::string>();
    });
  }

  Result<std::map<std::string, std::string>> hash(const std::string& key) override {
    return at_desk([&]() -> Result<Hash> {
      const Hash* const hash = TRY(keys_.find<Hash>(key));
      return hash ? *hash : Hash();
    });
  }

  Result<std::vector<Hash>> hashes(const std::vector<std::string>& keys) override {
    return at_desk([&]() -> Result<std::vector<Hash>> {
      std::vector<Hash> found;
      found.reserve(keys.size());
      for (const auto& key : keys) {
        const Hash* const hash = TRY(keys_.find<Hash>(key));
        found.push_back(hash ? *hash : Hash());
      }
      return found;
    });
  }

  Result<std::vector<std::string>> list(const std::string& key, std::int64_t first,
                                        std::int64_t last) override {
    return at_desk([&] { return part(key, first, last); });
  }

  Result<std::vector<std::vector<std::string>>> lists(
      const std::vector<std::string>& keys) override {
    return at_desk([&]() -> Result<std::vector<std::vector<std::string>>> {
      std::vector<std::vector<std::string>> found;
      found.reserve(keys.size());
      for (const auto& key : keys) found.push_back(TRY(part(key, 0, -1)));
      return found;
    });
  }

  Result<std::uint64_t> list_size(const std::string& key) override {
    return at_desk([&]() -> Result<std::uint64_t> {
      const List* const list = TRY(keys_.find<List>(key));
      return list ? list->size() : 0;
    });
  }

  Result<std::vector<std::string>> pop_right_many(const std::string& key,
                                                  std::size_t count) override {
    return at_desk([&]() -> Result<std::vector<std::string>> { return take_last(key, count); });
  }

  Result<std::optional<std::string>> pop_right(const std::string& key, Duration wait) override {
    Waiter waiter;
    waiter.key = key;
    auto there = at_desk([&]() -> Result<std::optional<std::string>> {
      auto taken = TRY(take_last(key, 1));
      if (!taken.empty()) return std::move(taken.front());
      if (wait.count() > 0) begin_wait(waiter, wait);
      return std::nullopt;
    });
    if (!there.ok() || *there || wait.count() <= 0) return there;
    return waiter.done.get_future().get();
  }

  Result<std::vector<std::string>> keys(const std::string& pattern) override {
    return at_desk([&]() -> Result<std::vector<std::string>> { return keys_.matching(pattern); });
  }

  Result<std::vector<std::string>> channels(const std::string& pattern) override {
    return at_desk([&]() -> Result<std::vector<std::string>> {
      Set found;
      for (const auto& [channel, listener] : by_channel_) {
        if (matches(pattern, channel)) found.insert(channel);
      }
      return std::vector<std::string>(found.begin(), found.end());
    });
  }

  Result<std::unique_ptr<Subscription>> subscribe(const std::vector<std::string>& channels,
                                                  const std::vector<std::string>& patterns,
                                                  OnMessage on_message) override;
  void on_connected(std::function<void(bool connected)>) override {}  // it never isn't
  bool connected() const override { return true; }
  const std::string& where() const override { return where_; }
  std::vector<std::pair<std::string, std::string>> variables() const override { return {}; }

  void remove(Listener& listener) {
    desk_.call([&] {
      std::erase(listeners_, &listener);
      std::erase_if(by_channel_, [&](const auto& entry) { return entry.second == &listener; });
    });
  }

 private:
  template <class F>
  std::invoke_result_t<F&> at_desk(F&& f) {
    std::optional<std::invoke_result_t<F&>> result;
    desk_.call([&] { result.emplace(f()); });
    ENSURE(result.has_value());
    return *std::move(result);
  }

  std::uint64_t deliver(std::string_view channel, std::string_view message) {
    std::uint64_t count = 0;
    const auto [first, last] = by_channel_.equal_range(channel);
    for (auto it = first; it != last; ++it, ++count) it->second->on_message(channel, message);
    for (const Listener* listener : listeners_) {
      for (const auto& pattern : listener->patterns) {
        if (!matches(pattern, channel)) continue;
        listener->on_message(channel, message);
        ++count;
      }
    }
    return count;
  }

  Result<std::vector<std::int64_t>> make_all(const std::vector<Change>& changes) {
    std::vector<std::int64_t> counts;
    std::optional<Error> error;
    for (const Change& each : changes) {
      auto made = make(each);
      if (!made.ok() && !error) error = made.error();
      counts.push_back(made.ok() ? *made : 0);
    }
    serve_waiters();
    if (error) return *error;
    return counts;
  }

  Result<std::int64_t> make(const Change& change) {
    if (does_nothing(change)) return 0;
    switch (change.kind) {
      case Change::Kind::kRemove:
        return keys_.remove(change.key) ? 1 : 0;
      case Change::Kind::kSetText:
        keys_.set(change.key, change.values.at(0), change.expiry);
        return 1;
      case Change::Kind::kSetAdd:
        return add_to_set(keys_, change);
      case Change::Kind::kSetRemove:
        return take_from<Set>(keys_, change);
      case Change::Kind::kHashSet:
        return add_to_hash(keys_, change);
      case Change::Kind::kHashRemove:
        return take_from<Hash>(keys_, change);
      case Change::Kind::kListPushLeft:
      case Change::Kind::kListPushRight:
        return add_to_list(keys_, change);
      case Change::Kind::kListRemove:
        return remove_from_list(keys_, change);
      case Change::Kind::kListTrim:
        return trim_list(keys_, change);
      case Change::Kind::kListMove:
        return move_last(keys_, change);
      case Change::Kind::kExpire:
        return keys_.expire(change.key, change.expiry) ? 1 : 0;
      case Change::Kind::kPublish:
        return static_cast<std::int64_t>(deliver(change.key, change.values.at(0)));
    }
    return 0;
  }

  Result<std::vector<std::string>> part(const std::string& key, std::int64_t first,
                                        std::int64_t last) {
    const List* const list = TRY(keys_.find<List>(key));
    return list ? part_of(*list, first, last) : std::vector<std::string>();
  }

  Result<std::vector<std::string>> take_last(const std::string& key, std::size_t count) {
    List* const list = TRY(keys_.find<List>(key));
    std::vector<std::string> taken;
    while (list && !list->empty() && taken.size() < count) {
      taken.push_back(std::move(list->back()));
      list->pop_back();
    }
    keys_.drop_if_empty(key, list);
    return taken;
  }

  void begin_wait(Waiter& waiter, Duration wait) {
    waiters_.push_back(&waiter);
    waiter.timer.emplace([this, &waiter](Time) { end_wait(waiter, std::nullopt); });
    desk_.loop().timers().set(*waiter.timer, desk_.loop().clock().now() + wait);
  }

  void end_wait(Waiter& waiter, std::optional<std::string> got) {
    std::erase(waiters_, &waiter);
    waiter.timer.reset();
    waiter.done.set_value(std::move(got));  // `waiter` may be gone from here on
  }

  // Whoever has waited longest is served first, after the whole change.
  void serve_waiters() {
    const std::vector<Waiter*> waiters = waiters_;
    for (Waiter* waiter : waiters) {
      auto taken = take_last(waiter->key, 1);
      if (taken.ok() && !taken->empty()) end_wait(*waiter, std::move(taken->front()));
    }
  }

  const std::string where_ = "in-process:";
  net::LoopThread desk_;
  // All of what follows is the desk's.
  Keys keys_;
  std::vector<Listener*> listeners_;
  std::multimap<std::string, Listener*, std::less<>> by_channel_;
  std::vector<Waiter*> waiters_;  // the oldest first
};

class InProcessSubscription final : public Subscription {
 public:
  InProcessSubscription(InProcess& bus, Listener listener)
      : bus_(bus), listener_(std::move(listener)) {}
  ~InProcessSubscription() override { bus_.remove(listener_); }
  Listener& listener() { return listener_; }

 private:
  InProcess& bus_;
  Listener listener_;
};

Result<std::unique_ptr<Subscription>> InProcess::subscribe(const std::vector<std::string>& channels,
                                                           const std::vector<std::string>& patterns,
                                                           OnMessage on_message) {
  const Set channel_names(channels.begin(), channels.end());
  const Set pattern_names(patterns.begin(), patterns.end());
  auto subscription = std::make_unique<InProcessSubscription>(
      *this, Listener{{channel_names.begin(), channel_names.end()},
                      {pattern_names.begin(), pattern_names.end()},
                      std::move(on_message)});
  desk_.call([&] {
    Listener& listener = subscription->listener();
    listeners_.push_back(&listener);
    for (const auto& channel : listener.channels) by_channel_.emplace(channel, &listener);
  });
  return std::unique_ptr<Subscription>(std::move(subscription));
}

}  // namespace

std::unique_ptr<Bus> make_in_process() {
  return std::make_unique<InProcess>();
}

}  // namespace galileo::bus
