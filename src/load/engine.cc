#include "load/engine.h"

#include <fmt/format.h>

#include <algorithm>

#include "route/router.h"

namespace galileo::load {
namespace {

// Names may move (a failover, a new pod): they are asked for again as often as this.
constexpr Duration kRefreshAddresses = std::chrono::seconds{30};

// The i-th of `parts` nearly equal parts of `whole`.
template <class T>
T part_of(T whole, std::size_t i, std::size_t parts) {
  return static_cast<T>(whole / parts + (i < whole % parts ? 1 : 0));
}

// 10 hex digits from the seed, so that a run can be repeated to the last letter.
std::string make_id_prefix(std::uint64_t seed, std::uint32_t client) {
  Random random(seed ^ 0x7265717565737473u, client);
  return fmt::format("{:010x}", random.bits() >> 24);
}

}  // namespace

unsigned Engine::threads(const Limits& limits) {
  const unsigned wanted = limits.threads > 0 ? limits.threads : net::usable_cores();
  // A loop without a connection of its own could send nothing.
  return std::max(1u, std::min(wanted, limits.connections_max));
}

Engine::Engine(net::Loop& control, const Options& options, const std::vector<TraceSink*>& sinks)
    : control_(control), options_(options), sinks_(sinks) {}

Engine::~Engine() {
  join();
}

std::vector<std::string> Engine::hosts() const {
  std::vector<std::string> names;
  for (const ServiceSpec& service : options_.services) {
    for (const auto& [host, weight] : service.hosts) names.push_back(host);
    if (service.router != "StaticRouter") continue;
    if (const auto where = route::parse_static_host(service.static_host); where.ok())
      names.push_back(where->host);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

Result<void> Engine::resolve() {
  addresses_.clear();
  for (const std::string& host : hosts())
    addresses_.emplace_back(host, TRY(net::resolve(host, options_.limits.address_family)));
  return {};
}

void Engine::start_workers() {
  const unsigned count = threads(options_.limits);
  for (unsigned i = 0; i < count; ++i) {
    Worker worker;
    worker.thread = std::make_unique<net::LoopThread>(fmt::format("load-{}", i));
    net::Loop& loop = worker.thread->loop();
    worker.connector = std::make_unique<net::TcpConnector>(loop);
    Dispatcher::Options options;
    options.limits = options_.limits;
    options.services = options_.services;
    options.seed = options_.seed;
    options.connections_max = part_of<std::size_t>(options_.limits.connections_max, i, count);
    options.wall_clock = options_.wall_clock;
    options.warmup_until = warmup_until_;
    worker.thread->call([&] {
      worker.dispatcher = std::make_unique<Dispatcher>(loop.clock(), loop.timers(),
                                                       *worker.connector, *sinks_[i], options);
      for (const auto& [host, addresses] : addresses_)
        worker.dispatcher->set_addresses(host, addresses);
    });
    workers_.push_back(std::move(worker));
  }
  const bool names = std::any_of(addresses_.begin(), addresses_.end(), [](const auto& entry) {
    const auto where = net::parse_host_port(entry.first, 80);
    return where.ok() && !net::literal_address(where->host, where->port).ok();
  });
  if (!names) return;
  resolver_ = std::make_unique<net::LoopThread>("resolver");
  refresh_timer_ = std::make_unique<net::Timer>([this](Time) { refresh_addresses(); });
  control_.timers().set(*refresh_timer_, control_.clock().now() + kRefreshAddresses);
}

// The desk asks, the loops get what it found; a name that fails now keeps the addresses it had.
void Engine::refresh_addresses() {
  resolver_->loop().post([this] {
    for (const std::string& host : hosts()) {
      const auto found = net::resolve(host, options_.limits.address_family);
      if (!found.ok()) continue;
      for (Worker& worker : workers_) {
        worker.thread->loop().post([&worker, host, addresses = *found] {
          worker.dispatcher->set_addresses(host, addresses);
        });
      }
    }
  });
  control_.timers().set(*refresh_timer_, control_.clock().now() + kRefreshAddresses);
}

// Whole clients go round the loops; when there are fewer clients than loops, each is spread over
// all.
std::vector<std::vector<ClientShare>> Engine::shares(const std::vector<ClientSpec>& clients) {
  const std::size_t loops = workers_.size();
  std::size_t total = 0;
  for (const ClientSpec& spec : clients) total += spec.count;
  const bool spread = total < loops;
  std::vector<std::vector<ClientShare>> result(loops);
  std::uint32_t index = 0;
  for (const ClientSpec& spec : clients) {
    const std::uint32_t lanes = lanes_of(spec.closed_loop, spec.connections, spec.arrival);
    for (std::uint32_t n = 0; n < spec.count; ++n, ++index) {
      ClientShare share;
      share.spec = &spec;
      share.id = fmt::format("{}:{}", spec.name, n);
      share.number = clients_before_ + index;
      share.stream = share.number;
      share.id_prefix = make_id_prefix(options_.seed, share.number);
      if (!spread) {
        share.lanes = lanes;
        share.requests = spec.requests;
        result[index % loops].push_back(share);
        continue;
      }
      for (std::size_t loop = 0; loop < loops; ++loop) {
        share.lanes = part_of<std::uint32_t>(lanes, loop, loops);
        if (lanes > 0 && share.lanes == 0) continue;
        const std::size_t stripes = lanes > 0 ? std::min<std::size_t>(lanes, loops) : loops;
        share.stripe = {static_cast<std::uint32_t>(loop), static_cast<std::uint32_t>(stripes)};
        if (spec.requests) share.requests = part_of<std::uint64_t>(*spec.requests, loop, stripes);
        result[loop].push_back(share);
      }
    }
  }
  clients_before_ += index;
  return result;
}

Result<void> Engine::begin_phase(const std::string& name, const std::vector<ClientSpec>& clients,
                                 Time start, std::optional<Duration> ends_after,
                                 std::function<void()> on_done) {
  if (workers_.empty()) start_workers();
  clients_ = clients;
  on_done_ = std::move(on_done);
  loops_busy_ = workers_.size();
  const auto parts = shares(clients_);
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    Result<void> begun;
    workers_[i].thread->call([&] {
      begun = workers_[i].dispatcher->begin_phase(name, parts[i], start, ends_after, [this] {
        control_.post([this] {
          if (--loops_busy_ == 0) std::exchange(on_done_, nullptr)();
        });
      });
    });
    TRY(std::move(begun));
  }
  return {};
}

void Engine::stop_sending() {
  for (Worker& worker : workers_)
    worker.thread->loop().post([&worker] { worker.dispatcher->stop_sending(); });
}

void Engine::end_all() {
  for (Worker& worker : workers_)
    worker.thread->loop().post([&worker] { worker.dispatcher->end_all(); });
}

Engine::Snapshot Engine::snapshot() {
  Snapshot snapshot;
  for (Worker& worker : workers_) {
    worker.thread->call([&] {
      snapshot.ledger.add(worker.dispatcher->ledger());
      snapshot.in_flight += worker.dispatcher->in_flight();
      snapshot.connections += worker.dispatcher->open_connections();
      snapshot.loop_cpu.push_back(net::RealClock::thread_cpu());
    });
  }
  return snapshot;
}

void Engine::join() {
  refresh_timer_.reset();
  resolver_.reset();
  for (Worker& worker : workers_) {
    // On its own loop: its sockets and timers belong there.
    worker.thread->call([&] { worker.dispatcher.reset(); });
    worker.thread->join();
  }
  workers_.clear();
}

}  // namespace galileo::load
