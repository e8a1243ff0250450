#include "gateway/proxy.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/log.h"
#include "gateway/connections.h"

namespace galileo::gateway {
namespace {

constexpr std::string_view kPrefix = "/function/";
constexpr unsigned kEjectionsMax = 10;  // that make the next one longer

wire::http1::Limits strict(wire::http1::Limits limits) {
  limits.strict = true;
  return limits;
}

ProxyOptions with_strict_limits(ProxyOptions options) {
  options.limits = strict(options.limits);
  return options;
}

HopNames hop_names(const ProxyOptions& options) {
  HopNames names(options.node);
  if (options.hash_by == HashBy::kHeader) names.key_header = options.hash_header;
  return names;
}

}  // namespace

Proxy::Proxy(net::Loop& loop, const ProxyOptions& options, SharedCount& clients)
    : loop_(loop),
      options_(with_strict_limits(options)),
      names_(hop_names(options)),
      all_clients_(clients),
      connector_(loop),
      clean_up_([this](Time) {
        closed_clients_.clear();
        closed_upstreams_.clear();
      }),
      head_deadlines_(loop.timers(), options.head_timeout,
                      [](net::Deadline& due) { static_cast<ClientConnection&>(due).timed_out(); }),
      idle_deadlines_(loop.timers(), options.idle_timeout,
                      [](net::Deadline& due) { static_cast<ClientConnection&>(due).timed_out(); }),
      connect_deadlines_(loop.timers(), options.connect_timeout,
                         [](net::Deadline& due) { static_cast<Upstream&>(due).timed_out(); }),
      answer_deadlines_(loop.timers(), options.answer_timeout,
                        [](net::Deadline& due) { static_cast<Upstream&>(due).timed_out(); }),
      linger_deadlines_(
          loop.timers(), options.linger_timeout,
          [](net::Deadline& due) { static_cast<ClientConnection&>(due).timed_out(); }),
      random_(options.seed, 0),
      buffer_(new char[kBufferSize]),
      target_buffer_(new char[kBufferSize]) {}

Proxy::~Proxy() {
  // A client takes its target's connection along.
  while (!clients_.empty()) clients_.begin()->second->close();
  while (!upstreams_.empty()) upstreams_.begin()->second->close();
}

void Proxy::adopt(int fd, std::string address) {
  if (draining_) {
    ::close(fd);
    return;
  }
  const bool too_many =
      options_.connections_max > 0 && !all_clients_.take(options_.connections_max);
  ++counts_.connections;
  auto client = std::make_unique<ClientConnection>(*this, std::move(address), !too_many);
  ClientConnection& made = *client;
  clients_.emplace(&made, std::move(client));
  made.open(fd);
}

Result<void> Proxy::set_function(const std::string& name, const FunctionSetup& setup) {
  auto& function = functions_[name];
  if (!function) function = std::make_unique<Function>();
  const std::vector<Function::Member> before = function->members();
  std::vector<Function::Member> members;
  for (std::size_t i = 0; i < setup.targets.hosts.size(); ++i) {
    const route::Host& host = setup.targets.hosts[i];
    Target& used = target(host.name);
    ++used.uses;
    used.share = setup.target_shares.empty() ? nullptr : setup.target_shares[i];
    members.push_back({&used, host.weight});
  }
  function->share = setup.share;
  const std::string& policy = setup.targets.policy;
  const Result<void> set =
      function->set(policy.empty() ? options_.policy : policy, members, setup.places);
  for (const Function::Member& member : set.ok() ? before : members) {
    --member.target->uses;
    let_go(*member.target);
  }
  return set;
}

void Proxy::remove_function(const std::string& name) {
  const auto found = functions_.find(name);
  if (found == functions_.end()) return;
  std::unique_ptr<Function> function = std::move(found->second);
  functions_.erase(found);
  // Its requests under way end there, and hold their targets themselves.
  const std::vector<Function::Member> members = function->members();
  if (function->under_way() > 0) {
    static_cast<void>(function->set(options_.policy, {}).ok());
    function->removed = true;
    leaving_.push_back(std::move(function));
  }
  for (const Function::Member& member : members) {
    --member.target->uses;
    let_go(*member.target);
  }
}

void Proxy::set_addresses(const std::string& name, std::vector<net::Address> addresses) {
  const auto found = targets_.find(name);
  if (found == targets_.end()) return;
  found->second->unresolved = addresses.empty();
  found->second->addresses = std::move(addresses);
}

Target& Proxy::target(const std::string& name) {
  auto& found = targets_[name];
  if (!found) found = std::make_unique<Target>(name, options_.gateways.contains(name));
  return *found;
}

// Forgets a target that nobody uses, and closes its connections.
void Proxy::let_go(Target& target) {
  if (target.uses > 0) return;
  while (!target.idle.empty()) target.idle.back()->close();
  targets_.erase(std::string(target.name()));
}

Proxy::Route Proxy::route(std::string_view request_target) {
  const std::string_view path = request_target.substr(0, request_target.find('?'));
  if (!path.starts_with(kPrefix))
    return {
        nullptr, {}, fmt::format("{} isn't /function/<name>, in zone {}\n", path, options_.zone)};
  const std::string_view rest = path.substr(kPrefix.size());
  const std::string_view name = rest.substr(0, rest.find('/'));
  const auto found = functions_.find(name);
  if (found == functions_.end())
    return {nullptr, {}, fmt::format("no function '{}' in zone {}\n", name, options_.zone)};
  return {found->second.get(), request_target.substr(kPrefix.size() + name.size()), {}};
}

bool Proxy::admits(Function& function) {
  return !function.share ||
         function.share->rate.take(loop_.clock().now(), seconds(1 / options_.rate_max),
                                   options_.rate_burst);
}

bool Proxy::begin(Function& function, Function::Wish wish, Function::Exchange& exchange) {
  wish.under_way_max = options_.under_way_max;
  return function.begin(wish, exchange);
}

void Proxy::end(Function::Exchange& exchange, route::Outcome::End how) {
  Function* const function = exchange.function;
  if (!function) return;
  Target& target = *exchange.target;
  function->end(exchange, how, loop_.clock().now());
  if (options_.eject_after > 0 && how != route::Outcome::End::kGivenUp)
    note(target, how == route::Outcome::End::kFailed);
  let_go(target);
  if (function->removed && function->under_way() == 0)
    std::erase_if(leaving_, [&](const auto& one) { return one.get() == function; });
}

void Proxy::note(Target& target, bool failed) {
  if (!failed) {
    target.failures = target.ejections = 0;
    return;
  }
  // What was under way when it was ejected says nothing new.
  if (++target.failures >= options_.eject_after && !target.ejected(loop_.clock().now()))
    eject(target);
}

// The target rests, longer each time; but at most half of those of a function do.
void Proxy::eject(Target& target) {
  const Time now = loop_.clock().now();
  for (const auto& [name, function] : functions_) {
    std::size_t resting = 0;
    bool serves = false;
    for (const Function::Member& member : function->members()) {
      serves = serves || member.target == &target;
      resting += member.target != &target && member.target->ejected(now) ? 1 : 0;
    }
    if (serves && (resting + 1) * 2 > function->members().size()) return;
  }
  target.failures = 0;
  target.ejections = std::min(target.ejections + 1, kEjectionsMax);
  target.ejected_until = now + options_.eject_for * target.ejections;
  ++counts_.ejected;
  log(LogLevel::kWarning, "a target rests, as it fails",
      {{"target", target.name()},
       {"seconds", fmt::format("{:g}", to_seconds(target.ejected_until - now))}});
}

Upstream* Proxy::upstream_to(Target& target, bool fresh, bool surely, int& error) {
  while (!fresh && !target.idle.empty()) {
    Upstream* const upstream = target.idle.back();
    target.idle.pop_back();
    if (!surely || upstream->is_open()) return upstream;
    upstream->close();
  }
  for (std::size_t i = 0; i < target.addresses.size(); ++i) {
    auto upstream = std::make_unique<Upstream>(*this, target);
    Upstream& made = *upstream;
    const std::size_t turn = target.address_turn % target.addresses.size();
    int failed = 0;
    if (made.connect(target.addresses[turn], failed)) {
      upstreams_.emplace(&made, std::move(upstream));
      return &made;
    }
    error = net::is_out_of_sockets(failed) ? failed : 0;
    ++target.address_turn;
  }
  return nullptr;
}

void Proxy::put_back(Upstream& upstream) {
  std::vector<Upstream*>& idle = upstream.target().idle;
  if (draining_ || idle.size() >= options_.idle_per_target) return upstream.close();
  idle.push_back(&upstream);
}

void Proxy::forget(ClientConnection& client) {
  const auto found = clients_.find(&client);
  if (found == clients_.end()) return;
  if (options_.connections_max > 0 && client.counted()) all_clients_.give_back();
  closed_clients_.push_back(std::move(found->second));
  clients_.erase(found);
  if (!clean_up_.is_set()) loop_.timers().set(clean_up_, loop_.clock().now());
}

void Proxy::forget(Upstream& upstream) {
  std::erase(upstream.target().idle, &upstream);
  const auto found = upstreams_.find(&upstream);
  if (found == upstreams_.end()) return;
  closed_upstreams_.push_back(std::move(found->second));
  upstreams_.erase(found);
  if (!clean_up_.is_set()) loop_.timers().set(clean_up_, loop_.clock().now());
}

void Proxy::drain() {
  draining_ = true;
  std::vector<ClientConnection*> idle;
  for (const auto& [client, owned] : clients_) {
    if (client->idle()) idle.push_back(owned.get());
  }
  for (ClientConnection* const client : idle) client->close();
}

}  // namespace galileo::gateway
