#include "gateway/proxy.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "gateway/connections.h"

namespace galileo::gateway {
namespace {

constexpr std::string_view kPrefix = "/function/";

wire::http1::Limits strict(wire::http1::Limits limits) {
  limits.strict = true;
  return limits;
}

ProxyOptions with_strict_limits(ProxyOptions options) {
  options.limits = strict(options.limits);
  return options;
}

// The policy over these weights, going on where the one before it stands.
Result<std::unique_ptr<route::Policy>> policy_over(const std::string& name,
                                                   std::vector<route::Host> hosts,
                                                   const route::Policy* before) {
  const bool none = std::all_of(hosts.begin(), hosts.end(),
                                [](const route::Host& host) { return host.weight <= 0; });
  if (none) {
    for (route::Host& host : hosts) host.weight = 1;
  }
  auto policy = TRY(route::make_policy(name, hosts));
  if (before) policy->go_on_from(*before);
  return policy;
}

}  // namespace

Proxy::Proxy(net::Loop& loop, const ProxyOptions& options)
    : loop_(loop),
      options_(with_strict_limits(options)),
      names_(options.node),
      connector_(loop),
      clean_up_([this](Time) {
        closed_clients_.clear();
        closed_upstreams_.clear();
      }),
      head_deadlines_(loop.timers(), options.head_timeout,
                      [](net::Deadline& due) { static_cast<Client&>(due).timed_out(); }),
      idle_deadlines_(loop.timers(), options.idle_timeout,
                      [](net::Deadline& due) { static_cast<Client&>(due).timed_out(); }),
      connect_deadlines_(loop.timers(), options.connect_timeout,
                         [](net::Deadline& due) { static_cast<Upstream&>(due).timed_out(); }),
      answer_deadlines_(loop.timers(), options.answer_timeout,
                        [](net::Deadline& due) { static_cast<Upstream&>(due).timed_out(); }),
      random_(options.seed, 0),
      buffer_(new char[kBufferSize]) {}

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
  ++counts_.connections;
  auto client = std::make_unique<Client>(*this, std::move(address));
  Client& made = *client;
  clients_.emplace(&made, std::move(client));
  made.open(fd);
}

Result<void> Proxy::set_function(const std::string& name, const Targets& targets) {
  auto function = std::make_unique<Function>();
  const auto before = functions_.find(name);
  const Function* const old = before == functions_.end() ? nullptr : before->second.get();
  std::vector<route::Host> applications = targets;
  bool has_application = false;
  for (route::Host& host : applications) {
    function->targets.push_back(&target(host.name));
    if (options_.gateways.contains(host.name))
      host.weight = 0;
    else
      has_application = has_application || host.weight > 0;
  }
  if (!targets.empty())
    function->all = TRY(policy_over(options_.policy, targets, old ? old->all.get() : nullptr));
  if (has_application)
    function->applications =
        TRY(policy_over(options_.policy, applications, old ? old->applications.get() : nullptr));
  functions_[name] = std::move(function);
  return {};
}

void Proxy::remove_function(const std::string& name) {
  functions_.erase(name);
}

void Proxy::set_addresses(const std::string& name, std::vector<net::Address> addresses) {
  target(name).addresses = std::move(addresses);
}

Target& Proxy::target(const std::string& name) {
  auto& found = targets_[name];
  if (!found) found = std::make_unique<Target>(name);
  return *found;
}

Proxy::Choice Proxy::choose(std::string_view request_target, bool was_forwarded) {
  Choice choice;
  const std::size_t query = std::min(request_target.find('?'), request_target.size());
  const std::string_view path = request_target.substr(0, query);
  const auto unknown = [&](std::string text) {
    ++counts_.unknown;
    choice.status = 404;
    choice.text = std::move(text);
    return choice;
  };
  if (!path.starts_with(kPrefix))
    return unknown(fmt::format("{} isn't /function/<name>, in zone {}\n", path, options_.zone));
  const std::string_view rest = path.substr(kPrefix.size());
  const std::size_t end = std::min(rest.find('/'), rest.size());
  const std::string name(rest.substr(0, end));
  const auto found = functions_.find(name);
  if (found == functions_.end())
    return unknown(fmt::format("no function '{}' in zone {}\n", name, options_.zone));
  Function& function = *found->second;
  route::Policy* const policy = was_forwarded ? function.applications.get() : function.all.get();
  if (!policy) {
    ++counts_.failed;
    choice.status = 503;
    choice.text = fmt::format("function '{}' has no target{} in zone {}\n", name,
                              was_forwarded ? " but gateways" : "", options_.zone);
    return choice;
  }
  choice.target = function.targets[policy->pick(random_)];
  if (options_.gateways.contains(choice.target->name())) {
    choice.path = request_target;
  } else {
    choice.path = end == rest.size() ? "/" : rest.substr(end);
    choice.path += request_target.substr(query);
  }
  return choice;
}

Upstream* Proxy::upstream_to(Target& target, bool fresh) {
  if (!fresh && !target.idle.empty()) {
    Upstream* const upstream = target.idle.back();
    target.idle.pop_back();
    return upstream;
  }
  for (std::size_t i = 0; i < target.addresses.size(); ++i) {
    auto upstream = std::make_unique<Upstream>(*this, target);
    Upstream& made = *upstream;
    const std::size_t turn = target.address_turn % target.addresses.size();
    if (made.connect(target.addresses[turn])) {
      upstreams_.emplace(&made, std::move(upstream));
      return &made;
    }
    ++target.address_turn;
  }
  return nullptr;
}

void Proxy::put_back(Upstream& upstream) {
  std::vector<Upstream*>& idle = upstream.target().idle;
  if (draining_ || idle.size() >= options_.idle_per_target) return upstream.close();
  idle.push_back(&upstream);
}

void Proxy::forget(Client& client) {
  const auto found = clients_.find(&client);
  if (found == clients_.end()) return;
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
  std::vector<Client*> idle;
  for (const auto& [client, owned] : clients_) {
    if (client->idle()) idle.push_back(owned.get());
  }
  for (Client* const client : idle) client->close();
}

}  // namespace galileo::gateway
