#include "load/engine.h"

#include <fmt/format.h>

#include <algorithm>

#include "route/router.h"

namespace galileo::load {
namespace {

// The i-th of `parts` nearly equal parts of `whole`.
template <class T>
T part_of(T whole, std::size_t i, std::size_t parts) {
  return static_cast<T>(whole / parts + (i < whole % parts ? 1 : 0));
}

// A client that keeps something of its answers is on one loop, where they come.
bool keeps(const Request& request) {
  return request.keep_cookies || (request.digest && request.digest->keep);
}

}  // namespace

std::string Engine::make_id_prefix(std::uint64_t seed, std::uint32_t client) {
  Random random(seed ^ 0x7265717565737473u, client);
  return fmt::format("{:010x}", random.bits() >> 24);
}

unsigned Engine::threads(const Limits& limits) {
  const unsigned wanted = limits.threads > 0 ? limits.threads : net::usable_cores();
  // A loop without a connection of its own could send nothing.
  return std::max(1u, std::min(wanted, limits.connections_max));
}

Engine::Engine(net::Loop& control, const Options& options, const std::vector<TraceSink*>& sinks)
    : control_(control),
      options_(options),
      sinks_(sinks),
      addresses_(control, options.limits.address_family,
                 [this](const std::string& host, const std::vector<net::Address>& found) {
                   for (LoopWorker& worker : workers_) {
                     worker.thread->loop().post(
                         [&worker, host, found] { worker.dispatcher->set_addresses(host, found); });
                   }
                 }) {
  for (const ServiceSpec& service : options_.services) {
    services_[service.name] = service;
    std::vector<route::Host> hosts;
    for (const auto& [name, weight] : service.hosts) hosts.push_back({name, weight});
    table_.set(service.name, std::move(hosts));
  }
  addresses_.on_unknown([this](const std::string& host) {
    for (LoopWorker& worker : workers_)
      worker.thread->loop().post([&worker, host] { worker.dispatcher->no_addresses(host); });
  });
}

Engine::~Engine() {
  join();
}

std::vector<std::string> Engine::hosts() const {
  std::vector<std::string> names = table_.host_names();
  names.insert(names.end(), redirect_hosts_.begin(), redirect_hosts_.end());
  for (const auto& [name, service] : services_) {
    const auto router = route::make_router(service.router, {name, service.static_host});
    if (!router.ok() || (*router)->uses_table()) continue;
    for (const std::string& host : (*router)->destinations({})) names.push_back(host);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

// A redirect leads there. What comes of it goes to all loops, as of every host.
void Engine::find_host(const std::string& host) {
  redirect_hosts_.insert(host);
  addresses_.want(hosts());
  const std::vector<net::Address>& known = addresses_.of(host);
  if (known.empty()) return;
  for (LoopWorker& worker : workers_) {
    worker.thread->loop().post(
        [&worker, host, known] { worker.dispatcher->set_addresses(host, known); });
  }
}

Result<void> Engine::resolve() {
  return addresses_.want_now(hosts());
}

void Engine::start_workers() {
  if (!workers_.empty()) return;
  addresses_.want(hosts());
  const unsigned count = threads(options_.limits);
  for (unsigned i = 0; i < count; ++i) {
    LoopWorker worker;
    worker.thread = std::make_unique<net::LoopThread>(fmt::format("load-{}", i));
    net::Loop& loop = worker.thread->loop();
    worker.connector = std::make_unique<net::TcpConnector>(loop, net::Stamps::kOn);
    Dispatcher::Options options;
    options.limits = options_.limits;
    options.services = options_.services;
    options.other_services = options_.other_services;
    options.seed = options_.seed;
    options.connections_max = part_of<std::size_t>(options_.limits.connections_max, i, count);
    options.loop = {i, count};
    options.wall_clock = options_.wall_clock;
    options.warmup_until = warmup_until_;
    options.on_reports = [this](const std::vector<ClientReport>& reports) {
      control_.post([this, reports] { tell(reports); });
    };
    options.post = [&loop](std::function<void()> task) { loop.post(std::move(task)); };
    options.on_unknown_host = [this](const std::string& host) {
      control_.post([this, host] { find_host(host); });
    };
    worker.thread->call([&] {
      worker.watch = std::make_unique<net::LoopWatch>(loop);
      worker.dispatcher = std::make_unique<Dispatcher>(loop.clock(), loop.timers(),
                                                       *worker.connector, *sinks_[i], options);
      for (const std::string& host : hosts()) {
        if (!addresses_.of(host).empty())
          worker.dispatcher->set_addresses(host, addresses_.of(host));
      }
    });
    workers_.push_back(std::move(worker));
  }
  roster_.set_loops(count);
}

// Runs it on all loops that take part, at the same time; returns when all have done it.
void Engine::on_loops(const std::function<void(std::size_t loop)>& task,
                      const std::function<bool(std::size_t loop)>& takes_part) {
  std::vector<net::LoopThread*> threads;
  std::vector<std::size_t> loops;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    if (takes_part && !takes_part(i)) continue;
    threads.push_back(workers_[i].thread.get());
    loops.push_back(i);
  }
  net::call_all(threads, [&](std::size_t i) { task(loops[i]); });
}

// Whole clients go round the loops; when there are fewer clients than loops, each is spread over
// all, but where one source must see all of its turns.
Result<std::vector<std::vector<ClientShare>>> Engine::shares(
    const std::vector<ClientSpec>& clients) {
  const std::size_t loops = workers_.size();
  std::size_t total = 0;
  for (const ClientSpec& spec : clients) total += spec.count;
  const bool spread = total < loops;
  std::vector<std::vector<ClientShare>> result(loops);
  std::uint32_t index = 0;
  first_of_phase_ = clients_made_;
  for (const ClientSpec& spec : clients) {
    RequestSources* const sources = TRY(sources_of(spec.name, spec.request));
    for (std::uint32_t n = 0; n < spec.count; ++n, ++index) {
      ClientShare share;
      share.spec = &spec;
      share.id = fmt::format("{}:{}", spec.name, n);
      share.number = clients_made_ + index;
      share.stream = share.number;
      share.ahead = interleaved(n, spec.count);
      share.id_prefix = make_id_prefix(options_.seed, share.number);
      share.index = n;
      share.of = spec.count;
      share.sources = sources;
      const bool whole = !spread || (sources && sources->whole_clients()) || keeps(spec.request);
      share_out(std::move(share), whole, result);
    }
  }
  clients_made_ += index;
  return result;
}

// Whole on one loop, or a stripe on each.
void Engine::share_out(ClientShare share, bool whole,
                       std::vector<std::vector<ClientShare>>& loops) {
  const ClientSpec& spec = *share.spec;
  const std::uint32_t connections = lanes_of(spec.closed_loop, spec.connections, spec.arrival);
  const std::uint32_t lanes_each = lanes_a_connection(spec.request.http);
  if (whole) {
    share.lanes = connections * lanes_each;
    share.requests = spec.requests;
    loops[(share.number - clients_made_) % loops.size()].push_back(std::move(share));
    return;
  }
  for (std::size_t loop = 0; loop < loops.size(); ++loop) {
    share.lanes = part_of<std::uint32_t>(connections, loop, loops.size()) * lanes_each;
    if (connections > 0 && share.lanes == 0) continue;
    const std::size_t stripes =
        connections > 0 ? std::min<std::size_t>(connections, loops.size()) : loops.size();
    share.stripe = {static_cast<std::uint32_t>(loop), static_cast<std::uint32_t>(stripes)};
    if (spec.requests) share.requests = part_of<std::uint64_t>(*spec.requests, loop, stripes);
    loops[loop].push_back(share);
  }
}

Result<RequestSources*> Engine::sources_of(const std::string& group, const Request& request) {
  for (const Sources& one : sources_) {
    if (one.group == group && one.request == request) return one.sources.get();
  }
  auto made = TRY(make_request_sources(request));
  if (!made) return static_cast<RequestSources*>(nullptr);
  sources_.push_back({group, request, std::move(made)});
  return sources_.back().sources.get();
}

// What no client of any loop uses any more; a client that is closed is there until its requests
// are over.
void Engine::drop_unused_sources() {
  if (sources_.empty() || workers_.empty()) return;
  std::vector<std::vector<bool>> used(workers_.size(), std::vector<bool>(sources_.size()));
  on_loops([&](std::size_t loop) {
    for (std::size_t i = 0; i < sources_.size(); ++i)
      used[loop][i] = workers_[loop].dispatcher->uses(*sources_[i].sources);
  });
  const auto is_unused = [&](std::size_t i) {
    return std::none_of(used.begin(), used.end(), [&](const auto& loop) { return loop[i]; });
  };
  std::vector<std::unique_ptr<RequestSources>> unused;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    if (is_unused(i)) unused.push_back(std::move(sources_[i].sources));
  }
  if (unused.empty()) return;
  std::erase_if(sources_, [](const Sources& one) { return !one.sources; });
  for (const auto& sources : unused) sources->end();
  // Behind all that they have posted.
  on_loops([](std::size_t) {});
}

std::vector<std::string> Engine::source_notes() const {
  std::vector<std::string> notes;
  for (const Sources& one : sources_) {
    for (std::string& note : one.sources->notes()) notes.push_back(std::move(note));
  }
  return notes;
}

Result<void> Engine::prepare_sources(const std::vector<ClientSpec>& clients) {
  for (const ClientSpec& spec : clients) {
    RequestSources* const sources = TRY(sources_of(spec.name, spec.request));
    if (sources) TRY(sources->expect(spec.count));
  }
  return {};
}

void Engine::prepare(const std::vector<ClientSpec>& clients) {
  const std::set<TlsSettings> settings = tls_settings(options_.services, clients);
  if (settings.empty()) return;
  start_workers();
  on_loops([&](std::size_t loop) {
    for (const TlsSettings& one : settings) workers_[loop].dispatcher->prepare(one);
  });
}

Result<void> Engine::begin_phase(const std::string& name, const std::vector<ClientSpec>& clients,
                                 Time start, std::optional<Duration> ends_after,
                                 std::function<void()> on_done) {
  start_workers();
  clients_ = clients;
  on_done_ = std::move(on_done);
  loops_busy_ = workers_.size();
  const auto parts = TRY(shares(clients_));
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

Result<void> Engine::change_phase(const std::string& name, const ArrivalSpec& arrival, Time from,
                                  const std::string& part) {
  TRY(check_change(arrival));
  std::vector<std::uint32_t> numbers;
  std::uint32_t number = first_of_phase_;
  for (const ClientSpec& spec : clients_) {
    const std::uint32_t first = std::exchange(number, number + spec.count);
    if (spec.name != name) continue;
    if (lanes_of(spec.closed_loop, spec.connections, spec.arrival) > 0)
      return wrong_arrival(fmt::format("client '{}' is a closed loop", name), "give it a rate");
    for (std::uint32_t i = first; i < number; ++i) numbers.push_back(i);
  }
  if (numbers.empty())
    return Error{ErrorCode::kNotFound, fmt::format("no client is called '{}'", name), {}, {}, {}};
  on_loops([&](std::size_t loop) {
    workers_[loop].dispatcher->change_arrival(numbers, arrival, from, part);
  });
  return {};
}

void Engine::pause_phase(Time at, const std::string& part) {
  pause_phase(at, part, &Dispatcher::pause);
}

void Engine::go_on_phase(Time at, const std::string& part) {
  pause_phase(at, part, &Dispatcher::go_on);
}

void Engine::pause_phase(Time at, const std::string& part, Pause how) {
  std::vector<std::uint32_t> numbers;
  std::uint32_t number = first_of_phase_;
  for (const ClientSpec& spec : clients_) {
    for (std::uint32_t i = 0; i < spec.count; ++i) numbers.push_back(number++);
  }
  on_loops([&](std::size_t loop) { ((*workers_[loop].dispatcher).*how)(numbers, at, part); });
}

void Engine::stop_sending() {
  roster_.all_stopped();
  for (LoopWorker& worker : workers_)
    worker.thread->loop().post([&worker] { worker.dispatcher->stop_sending(); });
}

void Engine::end_all() {
  roster_.all_stopped();
  for (LoopWorker& worker : workers_)
    worker.thread->loop().post([&worker] { worker.dispatcher->end_all(); });
}

Engine::Snapshot Engine::snapshot() {
  Snapshot snapshot;
  for (LoopWorker& worker : workers_) {
    worker.thread->call([&] {
      snapshot.ledger.add(worker.dispatcher->ledger());
      snapshot.in_flight += worker.dispatcher->in_flight();
      snapshot.responses_cut += worker.dispatcher->responses_cut();
      snapshot.responses_packed += worker.dispatcher->responses_packed();
      const net::TlsCounts handshakes = worker.dispatcher->handshakes();
      snapshot.handshakes.done += handshakes.done;
      snapshot.handshakes.resumed += handshakes.resumed;
      snapshot.handshakes.unverified += handshakes.unverified;
      snapshot.handshakes.crl_checked += handshakes.crl_checked;
      snapshot.http.add(worker.dispatcher->http_counts());
      snapshot.figures.add(worker.dispatcher->figures());
      snapshot.connections += worker.dispatcher->open_connections();
      snapshot.loop_cpu.push_back(net::RealClock::thread_cpu());
      snapshot.loop_waited.push_back(worker.watch->waited());
      snapshot.loop_stood_still.push_back(worker.watch->stood_still());
    });
  }
  return snapshot;
}

Begun Engine::begun() const {
  Begun begun;
  for (const LoopWorker& worker : workers_) {
    const Begun of = worker.dispatcher->begun();
    begun.intended += of.intended;
    begun.sent += of.sent;
  }
  return begun;
}

OwnTimes Engine::own_times(const std::string& run) {
  OwnTimes times;
  for (LoopWorker& worker : workers_)
    worker.thread->call([&] { times.add(worker.dispatcher->own_times(run)); });
  return times;
}

RunFigures Engine::figures(const std::string& run) {
  RunFigures figures;
  for (LoopWorker& worker : workers_)
    worker.thread->call([&] { figures.add(worker.dispatcher->figures(run)); });
  return figures;
}

void Engine::forget_own_times(const std::string& run) {
  for (LoopWorker& worker : workers_)
    worker.thread->call([&] { worker.dispatcher->forget_own_times(run); });
}

bool Engine::asks_this_machine() const {
  for (const std::string& host : hosts()) {
    for (const net::Address& address : addresses_.of(host)) {
      if (net::is_local(address)) return true;
    }
  }
  return false;
}

void Engine::join() {
  for (LoopWorker& worker : workers_) {
    // On its own loop: its sockets and timers belong there.
    worker.thread->call([&] {
      worker.dispatcher.reset();
      worker.watch.reset();
    });
  }
  // As long as the loops are there that they may post to.
  for (const Sources& one : sources_) one.sources->end();
  for (const LoopWorker& worker : workers_) worker.thread->join();
  workers_.clear();
}

}  // namespace galileo::load
