#include "net/addresses.h"

#include <algorithm>
#include <set>

#include "net/resolver.h"

namespace galileo::net {
namespace {

// A failover, a new pod.
constexpr Duration kAskAll = std::chrono::seconds{30};
constexpr Duration kAskUnknown = std::chrono::seconds{1};
constexpr std::size_t kDesks = 5;  // the last one is of names that weren't found

}  // namespace

Addresses::Addresses(Loop& control, int family, OnFound on_found)
    : control_(control),
      family_(family),
      on_found_(std::move(on_found)),
      all_asked_(control.clock().now()),
      again_timer_([this](Time now) { ask_again(now); }) {}

Addresses::~Addresses() = default;

void Addresses::want_only(const std::vector<std::string>& hosts) {
  const std::set<std::string> wanted(hosts.begin(), hosts.end());
  std::erase_if(hosts_, [&](const auto& entry) { return !wanted.contains(entry.first); });
}

void Addresses::want(const std::vector<std::string>& hosts) {
  want_only(hosts);
  std::vector<std::string> names;
  for (const std::string& name : hosts) {
    const auto [entry, is_new] = hosts_.try_emplace(name);
    if (!is_new) continue;
    Host& host = entry->second;
    const auto where = parse_route_host(name);
    if (!where.ok()) continue;  // stays unknown
    if (const auto literal = literal_address(where->host, where->port); literal.ok())
      host.addresses = {*literal};
    else
      host.is_name = true;
    if (host.is_name) names.push_back(name);
  }
  ask(names);
}

Result<void> Addresses::want_now(const std::vector<std::string>& hosts) {
  want_only(hosts);
  for (const std::string& name : hosts) {
    Host host;
    host.addresses = TRY(resolve(name, family_));
    const auto where = parse_route_host(name);
    host.is_name = where.ok() && !literal_address(where->host, where->port).ok();
    hosts_[name] = host;
  }
  all_asked_ = control_.clock().now();
  set_timer();
  return {};
}

const std::vector<Address>& Addresses::of(const std::string& host) const {
  static const std::vector<Address> none;
  const auto found = hosts_.find(host);
  return found == hosts_.end() ? none : found->second.addresses;
}

std::vector<std::string> Addresses::unasked() const {
  std::vector<std::string> names;
  for (const auto& [name, host] : hosts_) {
    if (host.is_name && host.addresses.empty() && !host.has_failed) names.push_back(name);
  }
  return names;
}

std::vector<std::string> Addresses::unknown() const {
  std::vector<std::string> names;
  for (const auto& [name, host] : hosts_) {
    if (host.addresses.empty()) names.push_back(name);
  }
  return names;
}

// A name server that doesn't answer takes seconds for each name, for which others needn't wait:
// each goes to the desk with the least to do, of a few, and who wasn't found before to one of
// theirs.
Addresses::Desk& Addresses::desk_for(const Host& host) {
  if (desks_.empty()) desks_.resize(kDesks);
  const auto first = host.has_failed ? desks_.end() - 1 : desks_.begin();
  const auto last = host.has_failed ? desks_.end() : desks_.end() - 1;
  Desk& desk = *std::min_element(
      first, last, [](const Desk& a, const Desk& b) { return a.waiting < b.waiting; });
  if (!desk.thread) desk.thread = std::make_unique<LoopThread>("resolver");
  return desk;
}

void Addresses::ask(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    Host& host = hosts_[name];
    if (host.is_asked) continue;
    host.is_asked = true;
    Desk& desk = desk_for(host);
    ++desk.waiting;
    desk.thread->loop().post([this, name, &desk] {
      auto found = resolve(name, family_);
      control_.post([this, name, &desk, found = std::move(found)] {
        --desk.waiting;
        heard(name, found);
      });
    });
  }
  set_timer();
}

void Addresses::set_timer() {
  Time next = kNever;
  for (const auto& [name, host] : hosts_) {
    if (!host.is_name) continue;
    next = std::min(
        next, host.addresses.empty() ? control_.clock().now() + kAskUnknown : all_asked_ + kAskAll);
  }
  if (next == kNever)
    control_.timers().cancel(again_timer_);
  else
    control_.timers().set(again_timer_, next);
}

void Addresses::ask_again(Time now) {
  const bool all = now - all_asked_ >= kAskAll;
  if (all) all_asked_ = now;
  std::vector<std::string> names;
  for (const auto& [name, host] : hosts_) {
    if (host.is_name && (all || host.addresses.empty())) names.push_back(name);
  }
  ask(names);
}

void Addresses::heard(const std::string& name, const Result<std::vector<Address>>& found) {
  const auto entry = hosts_.find(name);
  if (entry == hosts_.end()) return;
  entry->second.is_asked = false;
  entry->second.has_failed = !found.ok();
  if (!found.ok()) {
    if (entry->second.addresses.empty() && on_unknown_) on_unknown_(name);
    return;
  }
  entry->second.addresses = *found;
  on_found_(name, *found);
}

}  // namespace galileo::net
