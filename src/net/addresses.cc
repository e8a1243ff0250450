#include "net/addresses.h"

#include <algorithm>
#include <set>

#include "net/resolver.h"

namespace galileo::net {
namespace {

// A failover, a new pod.
constexpr Duration kAskAll = std::chrono::seconds{30};
constexpr Duration kAskUnknown = std::chrono::seconds{1};
constexpr std::uint16_t kPortDefault = 80;

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
    const auto where = parse_host_port(name, kPortDefault);
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
    const auto where = parse_host_port(name, kPortDefault);
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

std::vector<std::string> Addresses::unknown() const {
  std::vector<std::string> names;
  for (const auto& [name, host] : hosts_) {
    if (host.addresses.empty()) names.push_back(name);
  }
  return names;
}

void Addresses::ask(const std::vector<std::string>& names) {
  if (!desk_ && !names.empty()) desk_ = std::make_unique<LoopThread>("resolver");
  for (const std::string& name : names) {
    ++asked_;
    desk_->loop().post([this, name] {
      auto found = resolve(name, family_);
      control_.post([this, name, found = std::move(found)] { heard(name, found); });
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
    // While the desk is busy, which a dead name server makes it for long, nothing is added.
    if (host.is_name && asked_ == 0 && (all || host.addresses.empty())) names.push_back(name);
  }
  ask(names);
}

void Addresses::heard(const std::string& name, const Result<std::vector<Address>>& found) {
  --asked_;
  const auto entry = hosts_.find(name);
  if (entry == hosts_.end()) return;
  if (!found.ok()) {
    if (entry->second.addresses.empty() && on_unknown_) on_unknown_(name);
    return;
  }
  entry->second.addresses = *found;
  on_found_(name, *found);
}

}  // namespace galileo::net
