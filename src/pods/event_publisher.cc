#include "pods/event_publisher.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "bus/keys.h"
#include "net/clock.h"

namespace galileo::pods {
namespace {

// A node's fields are there again within two seconds.
constexpr Duration kLookEvery = std::chrono::seconds{1};
constexpr Duration kAgainAfter = std::chrono::milliseconds{100};
// Clients of the family come back within a second.
constexpr Duration kListenersBack = std::chrono::milliseconds{1200};
constexpr Duration kListenersLost = std::chrono::seconds{3};
constexpr Duration kMarkKept = std::chrono::hours{24};
// Looks come each second.
constexpr Duration kAliveFor = std::chrono::seconds{5};
constexpr std::size_t kPodsAtOnce = 200;

// Of a server that takes no changes, but passes messages on. All of the transaction was refused.
bool takes_no_changes(const Error& error) {
  constexpr std::string_view kRefusals[] = {"OOM",        "READONLY", "MISCONF",
                                            "NOREPLICAS", "NOPERM",   "EXECABORT"};
  return std::any_of(std::begin(kRefusals), std::end(kRefusals),
                     [&](std::string_view word) { return error.why.starts_with(word); });
}

using Info = std::map<std::string, std::string>;

bool has(const Info& info, const NodeFields& fields) {
  const auto is = [&](const char* name, const std::string& value) {
    const auto found = info.find(name);
    return found != info.end() && found->second == value;
  };
  return is("labels", fields.labels) && is("allocatable", fields.allocatable);
}

}  // namespace

EventPublisher::EventPublisher(bus::Bus& bus, EventPublisherOptions options)
    : bus_(bus), options_(std::move(options)), outbox_(options_.waiting_bytes_max) {
  desk_.start("publisher", [this](Time now) { return on_tick(now); });
  bus_.on_connected([this](bool connected) { on_connected(connected); });
}

EventPublisher::~EventPublisher() {
  bus_.on_connected({});
  desk_.stop([this] {
    back_since_.reset();
    if (publish(desk_.clock().now()) && has_mark_)
      static_cast<void>(bus_.change({bus::remove_key(options_.mark_key)}).ok());
    if (bus_.connected() && !options_.alive_key.empty())
      static_cast<void>(bus_.change({bus::remove_key(options_.alive_key)}).ok());
    if (bus_.connected() && !pods_.empty())
      static_cast<void>(bus_.change({bus::remove_key(std::string(bus::kToldPods))}).ok());
  });
}

void EventPublisher::put(std::vector<std::string> lines) {
  put_.add(lines.size());
  desk_.post([this, lines = std::move(lines)]() mutable {
    for (std::string& line : lines) outbox_.put(std::move(line));
    static_cast<void>(publish(desk_.clock().now()));
  });
}

void EventPublisher::set_node(const std::string& node, const std::optional<NodeFields>& fields) {
  desk_.post([this, node, fields] {
    if (!fields) {
      nodes_.erase(node);
      return;
    }
    nodes_[node] = *fields;
    if (bus_.connected()) write(node, *fields);
  });
}

void EventPublisher::set_pod(const std::string& uid, const std::optional<std::string>& event) {
  desk_.post([this, uid, event] {
    const std::string key(bus::kToldPods);
    if (event)
      pods_[uid] = *event;
    else
      pods_.erase(uid);
    if (!bus_.connected()) return;  // all are written when it is there again
    const bus::Change change =
        event ? bus::hash_set(key, {{uid, *event}}) : bus::hash_remove(key, {uid});
    static_cast<void>(bus_.change({change, bus::expire(key, kAliveFor)}).ok());
  });
}

Time EventPublisher::on_tick(Time now) {
  if (now >= looked_at_ + kLookEvery) {
    looked_at_ = now;
    say_alive();
    look_after_nodes();
    look_after_pods();
  }
  const bool all_out = publish(now);
  const Time next_look = looked_at_ + kLookEvery;
  return all_out || !bus_.connected() ? next_look : std::min(next_look, now + kAgainAfter);
}

// At the bus's desk.
void EventPublisher::on_connected(bool connected) {
  if (!connected) {
    log(LogLevel::kWarning, "the bus is away; events wait", {{"bus", bus_.where()}});
    return;
  }
  log(LogLevel::kInfo, "the bus is there again", {{"bus", bus_.where()}});
  desk_.post([this] {
    const Time now = desk_.clock().now();
    back_since_ = now;
    has_mark_ = outbox_.in_doubt();  // the server may have forgotten it
    looked_at_ = now - kLookEvery;   // all may be gone
    desk_.set_next(now);
  });
}

bool EventPublisher::is_held(Time now) {
  if (!back_since_ || !had_listeners_) return false;
  if (now < *back_since_ + kListenersBack) return true;
  if (now < *back_since_ + kListenersLost) {
    const auto channels = bus_.channels(std::string(bus::kEvents));
    if (!channels.ok() || channels->empty()) return true;
  }
  back_since_.reset();
  return false;
}

// Whether all is out.
bool EventPublisher::publish(Time now) {
  while (!outbox_.empty()) {
    if (!bus_.connected() || is_held(now)) break;
    if (outbox_.in_doubt() ? !resolve() : !publish_batch()) break;
  }
  made_.add(outbox_.made() - made_.load());
  dropped_.add(outbox_.dropped() - dropped_.load());
  if (outbox_.empty()) return true;
  desk_.set_next(std::min(looked_at_ + kLookEvery, now + kAgainAfter));
  return false;
}

bool EventPublisher::resolve() {
  const auto mark = bus_.text(options_.mark_key);
  if (!mark.ok()) return false;
  const std::size_t lines = outbox_.size();
  outbox_.resolve(*mark, net::RealClock::wall_now());
  if (outbox_.size() < lines) published_.add(lines - outbox_.size());
  unsure_.add(outbox_.unsure() - unsure_.load());
  return true;
}

bool EventPublisher::publish_batch() {
  const std::string channel(bus::kEvents);
  const std::vector<std::string>& lines = outbox_.batch(net::RealClock::wall_now());
  if (!has_mark_)
    has_mark_ =
        bus_.change({bus::set_text(options_.mark_key, outbox_.mark_before(), kMarkKept)}).ok();
  std::vector<bus::Change> changes;
  changes.reserve(lines.size() + 1);
  for (const std::string& line : lines) changes.push_back(bus::publish_in(channel, line));
  changes.push_back(bus::set_text(options_.mark_key, outbox_.mark(), kMarkKept));
  const auto told = bus_.change(changes);
  bool is_out = told.ok();
  if (is_out) {
    had_listeners_ = told->front() > 0;
  } else if (takes_no_changes(told.error())) {
    is_out = bus_.publish_all(channel, {lines.begin(), lines.end()}).ok();
  }
  if (!is_out) {
    outbox_.doubt();
    return false;
  }
  published_.add(lines.size());
  outbox_.settle();
  return true;
}

// Where it fails the next one comes soon.
void EventPublisher::say_alive() {
  if (options_.alive_key.empty() || !bus_.connected()) return;
  static_cast<void>(bus_.change({bus::set_text(options_.alive_key, "1", kAliveFor)}).ok());
}

// One question for all nodes: asked one by one, 40 nodes cost an idle adapter 0.3 % of a core.
// Where a key that holds something else fails it, each is asked by itself.
void EventPublisher::look_after_nodes() {
  if (nodes_.empty() || !bus_.connected()) return;
  std::vector<std::string> keys;
  keys.reserve(nodes_.size());
  for (const auto& [node, fields] : nodes_) keys.push_back(bus::node_info_key(node));
  const auto infos = bus_.hashes(keys);
  if (!infos.ok() && infos.error().code != ErrorCode::kCorrupt) return;
  std::size_t i = 0;
  for (const auto& [node, fields] : nodes_) {
    const Result<Info> info = infos.ok() ? Result<Info>((*infos)[i]) : bus_.hash(keys[i]);
    if (info.ok() && !has(*info, fields)) write(node, fields);
    ++i;
  }
}

// A server that has forgotten them, or hasn't heard of us for some seconds, gets all of them again.
void EventPublisher::look_after_pods() {
  if (pods_.empty() || !bus_.connected()) return;
  const std::string key(bus::kToldPods);
  const auto known = bus_.change({bus::expire(key, kAliveFor)});
  if (!known.ok() || known->front() > 0) return;
  std::map<std::string, std::string> some;
  for (auto pod = pods_.begin(); pod != pods_.end();) {
    some.insert(*pod);
    if (++pod != pods_.end() && some.size() < kPodsAtOnce) continue;
    if (!bus_.change({bus::hash_set(key, some), bus::expire(key, kAliveFor)}).ok()) return;
    some.clear();
  }
}

// In one transaction, as readers are used to it.
void EventPublisher::write(const std::string& node, const NodeFields& fields) {
  const std::string key = bus::node_info_key(node);
  if (bus_.change({bus::hash_set(key, {{"labels", fields.labels}}),
                   bus::hash_set(key, {{"allocatable", fields.allocatable}})})
          .ok())
    nodes_written_.add(1);
}

}  // namespace galileo::pods
