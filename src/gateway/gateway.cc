#include "gateway/gateway.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "wire/prometheus.h"

namespace galileo::gateway {
namespace {

std::string peer_of(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  char text[INET6_ADDRSTRLEN] = "";
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return "unknown";
  if (storage.ss_family == AF_INET)
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr, text,
              sizeof text);
  else
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr, text,
              sizeof text);
  return text;
}

std::string some_of(const std::vector<std::string>& names) {
  return names.size() == 1 ? names.front()
                           : fmt::format("{} and {} more", names.front(), names.size() - 1);
}

}  // namespace

Gateway::Gateway(net::Loop& control, const Options& options)
    : options_(options),
      addresses_(
          control, 0, [this](const std::string& target, const std::vector<net::Address>& found) {
            on_loops([&](LoopWorker& worker) { worker.proxy->set_addresses(target, found); });
          }) {
  for (unsigned i = 0; i < options.threads; ++i) {
    LoopWorker& worker = workers_.emplace_back();
    worker.thread = std::make_unique<net::LoopThread>(fmt::format("gateway-{}", i));
    ProxyOptions of_loop = options.proxy;
    of_loop.seed += i;
    worker.proxy = std::make_unique<Proxy>(worker.thread->loop(), of_loop, clients_);
  }
}

Gateway::~Gateway() {
  // On its own loop: its sockets and timers belong there.
  on_loops([](LoopWorker& worker) {
    worker.listener.reset();
    worker.proxy.reset();
    worker.acceptor.reset();
  });
  for (LoopWorker& worker : workers_) worker.thread->join();
}

void Gateway::on_loops(const std::function<void(LoopWorker& worker)>& task) {
  std::vector<net::LoopThread*> threads;
  for (LoopWorker& worker : workers_) threads.push_back(worker.thread.get());
  net::call_all(threads, [&](std::size_t i) { task(workers_[i]); });
}

Result<void> Gateway::listen(const net::Address& address) {
  if (!options_.tls.certificate_file.empty()) {
    for (LoopWorker& worker : workers_) {
      worker.acceptor = TRY(net::TlsAcceptor::make(options_.tls));
      worker.thread->call([&worker] { worker.proxy->set_acceptor(worker.acceptor.get()); });
    }
  }
  // A port that somebody else has must not be shared with him.
  const net::Address where = TRY(net::TcpListener::look_for(address));
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    LoopWorker& worker = workers_[i];
    Result<void> listening;
    worker.thread->call([&] {
      Proxy& proxy = *worker.proxy;
      worker.listener = std::make_unique<net::TcpListener>(
          worker.thread->loop(), [&proxy](int fd) { proxy.adopt(fd, peer_of(fd)); });
      listening = worker.listener->listen(where, net::TcpListener::Port::kShared);
    });
    TRY(std::move(listening));
  }
  return {};
}

Result<void> Gateway::reload_certificate() {
  std::vector<Result<void>> done(workers_.size());
  on_loops([&](LoopWorker& worker) {
    if (worker.acceptor)
      done[static_cast<std::size_t>(&worker - workers_.data())] = worker.acceptor->reload();
  });
  for (Result<void>& one : done) TRY(std::move(one));
  return {};
}

Result<net::Address> Gateway::local_address() const {
  return workers_.front().listener->local_address();
}

Result<void> Gateway::set_all(const std::map<std::string, Targets>& functions) {
  std::vector<std::string> gone;
  for (const auto& [name, targets] : functions_) {
    if (!functions.contains(name)) gone.push_back(name);
  }
  for (const std::string& name : gone) functions_.erase(name);
  on_loops([&](LoopWorker& worker) {
    for (const std::string& name : gone) worker.proxy->remove_function(name);
  });
  for (const auto& [name, targets] : functions) {
    // Who stays as he is keeps his place in the order too.
    const auto before = functions_.find(name);
    if (before == functions_.end() || before->second != targets) TRY(set(name, targets));
  }
  want_addresses();
  return {};
}

Result<void> Gateway::set(const std::string& function, const Targets& targets) {
  functions_[function] = targets;
  want_addresses();
  FunctionSetup setup = setup_of(function, targets);
  auto places = std::make_unique<FunctionPlaces>();
  if (workers_.size() > 1) setup.places = places.get();
  std::vector<Result<void>> done(workers_.size());
  on_loops([&](LoopWorker& worker) {
    done[static_cast<std::size_t>(&worker - workers_.data())] =
        worker.proxy->set_function(function, setup);
    for (const route::Host& target : targets.hosts)
      worker.proxy->set_addresses(target.name, addresses_.of(target.name));
  });
  places_[function].swap(places);
  for (Result<void>& one : done) TRY(std::move(one));
  return {};
}

FunctionSetup Gateway::setup_of(const std::string& function, const Targets& targets) {
  FunctionSetup setup{targets, nullptr, {}, nullptr};
  if (options_.proxy.rate_max > 0) setup.share = &function_shares_[function];
  if (options_.proxy.under_way_max > 0) {
    for (const route::Host& target : targets.hosts)
      setup.target_shares.push_back(&target_shares_[target.name]);
  }
  return setup;
}

void Gateway::remove(const std::string& function) {
  functions_.erase(function);
  on_loops([&](LoopWorker& worker) { worker.proxy->remove_function(function); });
  want_addresses();
}

void Gateway::want_addresses() {
  std::set<std::string> names;
  for (const auto& [function, targets] : functions_) {
    for (const route::Host& target : targets.hosts) names.insert(target.name);
  }
  addresses_.want({names.begin(), names.end()});
}

std::string Gateway::unready() const {
  if (const auto names = addresses_.unasked(); !names.empty())
    return fmt::format("{} names are being looked up", names.size());
  if (const auto names = addresses_.unknown(); !names.empty() && names.size() == addresses_.size())
    return fmt::format("no target's name can be resolved: {}", some_of(names));
  return {};
}

std::string Gateway::trouble() const {
  const auto names = addresses_.unknown();
  return names.empty() ? "" : fmt::format("names that can't be resolved: {}", some_of(names));
}

bool Gateway::drain() {
  on_loops([](LoopWorker& worker) {
    worker.listener.reset();
    worker.proxy->drain();
  });
  return clients() == 0;
}

ProxyCounts Gateway::counts() {
  std::vector<ProxyCounts> each(workers_.size());
  on_loops([&](LoopWorker& worker) {
    each[static_cast<std::size_t>(&worker - workers_.data())] = worker.proxy->counts();
  });
  ProxyCounts sum;
  for (const ProxyCounts& one : each) {
    for (const auto member :
         {&ProxyCounts::connections, &ProxyCounts::requests, &ProxyCounts::forwarded,
          &ProxyCounts::refused, &ProxyCounts::unknown, &ProxyCounts::failed, &ProxyCounts::cut,
          &ProxyCounts::retried, &ProxyCounts::moved, &ProxyCounts::limited, &ProxyCounts::ejected,
          &ProxyCounts::tls_failed, &ProxyCounts::upgraded})
      sum.*member += one.*member;
  }
  return sum;
}

std::size_t Gateway::clients() {
  std::vector<std::size_t> each(workers_.size());
  on_loops([&](LoopWorker& worker) {
    each[static_cast<std::size_t>(&worker - workers_.data())] = worker.proxy->clients();
  });
  std::size_t sum = 0;
  for (const std::size_t one : each) sum += one;
  return sum;
}

std::string metrics_text(const ProxyCounts& counts, std::size_t clients, std::size_t functions) {
  std::string text;
  const auto add = [&](std::string_view name, std::string_view type, std::string_view help,
                       std::uint64_t value) {
    wire::append_metric(text, "galileo_gateway_" + std::string(name), type, help, value);
  };
  add("functions", "gauge", "Functions that have weights.", functions);
  add("clients", "gauge", "Clients' connections that are open.", clients);
  add("connections_total", "counter", "Clients' connections accepted.", counts.connections);
  add("requests_total", "counter", "Requests whose head was read.", counts.requests);
  add("forwarded_total", "counter", "Requests that a target has answered.", counts.forwarded);
  add("refused_total", "counter", "Requests that can't be passed on: 4xx.", counts.refused);
  add("unknown_total", "counter", "Requests for what no function is: 404.", counts.unknown);
  add("failed_total", "counter", "Requests that no target could answer: 5xx.", counts.failed);
  add("cut_total", "counter", "Connections that ended within an exchange.", counts.cut);
  add("retried_total", "counter", "Requests sent again over a new connection.", counts.retried);
  add("moved_total", "counter", "Requests sent to another target as one failed.", counts.moved);
  add("limited_total", "counter", "Connections and requests beyond a limit.", counts.limited);
  add("ejected_total", "counter", "Times that a target was put aside.", counts.ejected);
  add("tls_failed_total", "counter", "Clients' connections whose TLS failed.", counts.tls_failed);
  add("upgraded_total", "counter", "Connections that changed their protocol.", counts.upgraded);
  return text;
}

}  // namespace galileo::gateway
