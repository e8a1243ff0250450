// The commands to clients of no phase. Each is checked here, on the control thread, before a loop
// hears of it; then it is done on all loops that it concerns at the same time, and waited for.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/check.h"
#include "load/engine.h"
#include "net/address.h"
#include "route/policy.h"
#include "route/router.h"

namespace galileo::load {
namespace {

// The stream of a client's draws, from its id (FNV-1a): whoever else there is, and in whatever
// order clients are made, a seed gives this client the same schedule.
std::uint64_t stream_of(std::string_view id) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : id) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

Error refused(std::string what, std::string why, std::string hint = {}) {
  return Error{ErrorCode::kUsage, std::move(what), {}, std::move(why), std::move(hint)};
}

// What Service::make() would refuse, before any loop hears of it.
Result<void> check_service(const ServiceSpec& spec) {
  const auto router = TRY(route::make_router(spec.router, {spec.name, spec.static_host}));
  std::vector<route::Host> hosts;
  for (const auto& [name, weight] : spec.hosts) hosts.push_back({name, weight});
  if (hosts.empty()) hosts.push_back({"any", 1});
  if (router->uses_table()) TRY(route::make_policy(spec.balancer, hosts));
  return {};
}

}  // namespace

Result<const ServiceSpec*> Engine::service_named(const std::string& name) {
  auto found = services_.find(name);
  if (found == services_.end()) {
    if (!options_.other_services)
      return refused(fmt::format("no service is called '{}'", name), {});
    ServiceSpec spec = *options_.other_services;
    spec.name = name;
    TRY(check_service(spec));
    found = services_.emplace(name, std::move(spec)).first;
  }
  TRY(check_service(found->second));
  return &found->second;
}

std::vector<std::string> Engine::hosts_of(const ServiceSpec& service) const {
  const std::vector<route::Host>* const hosts = table_.find(service.name);
  const auto router = route::make_router(service.router, {service.name, service.static_host});
  if (!router.ok()) return {};
  return (*router)->destinations(hosts ? *hosts : std::vector<route::Host>{});
}

Result<void> Engine::set_routes(const std::string& service, std::vector<route::Host> hosts) {
  const ServiceSpec* const spec = TRY(service_named(service));
  for (const route::Host& host : hosts) TRY(net::parse_route_host(host.name));
  if (!hosts.empty()) TRY(route::make_policy(spec->balancer, hosts));
  start_workers();
  table_.set(service, hosts);
  addresses_.want(this->hosts());
  on_loops([&](std::size_t loop) {
    Dispatcher& dispatcher = *workers_[loop].dispatcher;
    for (const route::Host& host : hosts) {
      // Those that aren't known are what they were: another service's, or none.
      if (!addresses_.of(host.name).empty())
        dispatcher.set_addresses(host.name, addresses_.of(host.name));
    }
    const auto set = dispatcher.set_hosts(service, hosts);
    ENSURE(set.ok(), set.error().to_text());
  });
  return {};
}

Result<void> Engine::add_clients(const std::string& service, const Request& request,
                                 const std::vector<std::string>& ids, SharedSources shared) {
  const std::vector<std::string> asked = hosts_of(*TRY(service_named(service)));
  if (std::any_of(asked.begin(), asked.end(), &wire::speaks_tls)) TRY(check_tls(request.tls));
  std::set<std::string_view> seen;
  for (const std::string& id : ids) {
    if (roster_.find(id) || !seen.insert(id).second)
      return refused(fmt::format("can't add client '{}'", id), "there is one of that id");
  }
  start_workers();
  addresses_.want(hosts());  // also a static host's
  drop_unused_sources();
  if (shared.group.empty()) shared.group = ids.empty() ? "" : ids.front();
  if (shared.sources) sources_.push_back({shared.group, request, std::move(shared.sources)});
  RequestSources* const sources = TRY(sources_of(shared.group, request));
  if (sources) TRY(sources->expect(ids.size()));
  std::vector<std::vector<ClientIdentity>> parts(workers_.size());
  std::uint32_t index = 0;
  for (const std::string& id : ids) {
    const Roster::Entry& entry = roster_.add(id, clients_made_++);
    const std::uint64_t stream = stream_of(id);
    parts[entry.loop].push_back({entry.number, id,
                                 make_id_prefix(options_.seed ^ stream, entry.number), stream,
                                 index++, static_cast<std::uint32_t>(ids.size())});
  }
  on_loops(
      [&](std::size_t loop) {
        Dispatcher& dispatcher = *workers_[loop].dispatcher;
        const auto added = dispatcher.add_clients(service, request, parts[loop], sources);
        ENSURE(added.ok(), added.error().to_text());
      },
      [&](std::size_t loop) { return !parts[loop].empty(); });
  return {};
}

Result<std::vector<Roster::Entry*>> Engine::entries(const std::vector<std::string>& ids) {
  std::vector<Roster::Entry*> entries;
  for (const std::string& id : ids) {
    Roster::Entry* const entry = roster_.find(id);
    if (!entry)
      return Error{ErrorCode::kNotFound, fmt::format("no client is called '{}'", id), {}, {}, {}};
    entries.push_back(entry);
  }
  return entries;
}

// One that is named twice is meant once.
Result<std::vector<Roster::Entry*>> Engine::entries_once(const std::vector<std::string>& ids) {
  auto entries = TRY(this->entries(ids));
  std::set<const Roster::Entry*> seen;
  std::erase_if(entries, [&](const Roster::Entry* entry) { return !seen.insert(entry).second; });
  return entries;
}

Engine::Numbers Engine::numbers(const std::vector<Roster::Entry*>& entries) const {
  Numbers numbers(workers_.size());
  for (const Roster::Entry* entry : entries) numbers[entry->loop].push_back(entry->number);
  return numbers;
}

Result<void> Engine::set_workload(const std::vector<std::string>& ids, const Workload& workload,
                                  Time start) {
  const auto entries = TRY(entries_once(ids));
  TRY(check_workload(workload));
  for (Roster::Entry* entry : entries) {
    ++entry->workload;
    entry->is_fed = workload.fed;
    entry->fed = entry->taken = 0;
  }
  const Numbers clients = numbers(entries);
  on_loops(
      [&](std::size_t loop) {
        workers_[loop].dispatcher->set_workload(clients[loop], workload, start);
      },
      [&](std::size_t loop) { return !clients[loop].empty(); });
  return {};
}

Result<void> Engine::change_arrival(const std::vector<std::string>& ids, const ArrivalSpec& arrival,
                                    Time from, const std::string& part) {
  const Numbers clients = numbers(TRY(entries_once(ids)));
  TRY(check_change(arrival));
  on_loops(
      [&](std::size_t loop) {
        workers_[loop].dispatcher->change_arrival(clients[loop], arrival, from, part);
      },
      [&](std::size_t loop) { return !clients[loop].empty(); });
  return {};
}

Result<void> Engine::pause(const std::vector<std::string>& ids, Time at, const std::string& part) {
  return pause(ids, at, part, &Dispatcher::pause);
}

Result<void> Engine::go_on(const std::vector<std::string>& ids, Time at, const std::string& part) {
  return pause(ids, at, part, &Dispatcher::go_on);
}

Result<void> Engine::pause(const std::vector<std::string>& ids, Time at, const std::string& part,
                           Pause how) {
  const Numbers clients = numbers(TRY(entries_once(ids)));
  on_loops([&](std::size_t loop) { ((*workers_[loop].dispatcher).*how)(clients[loop], at, part); },
           [&](std::size_t loop) { return !clients[loop].empty(); });
  return {};
}

Result<void> Engine::stop_workload(const std::vector<std::string>& ids) {
  return stop_workload(ids, &Dispatcher::stop_workload);
}

Result<void> Engine::end_workload(const std::vector<std::string>& ids) {
  return stop_workload(ids, &Dispatcher::end_workload);
}

Result<void> Engine::stop_workload(const std::vector<std::string>& ids, StopOfWorkload how) {
  const auto entries = TRY(entries_once(ids));
  for (Roster::Entry* entry : entries) {
    ++entry->workload;
    entry->is_fed = false;
  }
  const Numbers clients = numbers(entries);
  on_loops([&](std::size_t loop) { ((*workers_[loop].dispatcher).*how)(clients[loop]); },
           [&](std::size_t loop) { return !clients[loop].empty(); });
  return {};
}

Result<void> Engine::close_clients(const std::vector<std::string>& ids) {
  const Numbers clients = numbers(TRY(entries_once(ids)));
  for (const std::string& id : ids) roster_.remove(id);
  on_loops([&](std::size_t loop) { workers_[loop].dispatcher->close_clients(clients[loop]); },
           [&](std::size_t loop) { return !clients[loop].empty(); });
  drop_unused_sources();
  return {};
}

Result<std::vector<ClientCounts>> Engine::counts(const std::vector<std::string>& ids) {
  const auto entries = TRY(this->entries(ids));
  std::vector<ClientCounts> counts(entries.size());
  const Numbers clients = numbers(entries);
  on_loops(
      [&](std::size_t loop) {
        for (std::size_t i = 0; i < entries.size(); ++i) {
          if (entries[i]->loop == loop)
            counts[i] = workers_[loop].dispatcher->counts(entries[i]->number);
        }
      },
      [&](std::size_t loop) { return !clients[loop].empty(); });
  return counts;
}

Result<void> Engine::feed(const std::string& id, std::vector<double> between_s) {
  return feed(id, std::move(between_s), false);
}

Result<void> Engine::end_feed(const std::string& id) {
  return feed(id, {}, true);
}

Result<void> Engine::feed(const std::string& id, std::vector<double> between_s, bool last) {
  Roster::Entry* const entry = TRY(entries({id})).front();
  if (!entry->is_fed)
    return refused(fmt::format("can't feed client '{}'", id), "its workload follows no stream");
  TRY(check_inter_arrivals(between_s));
  const std::uint64_t room = kStreamCapacity - (entry->fed - entry->taken);
  if (between_s.size() > room)
    return refused(fmt::format("can't feed client '{}'", id),
                   fmt::format("{} entries are more than the {} that there is room for",
                               between_s.size(), room));
  entry->fed += between_s.size();
  entry->is_fed = !last;
  LoopWorker& worker = workers_[entry->loop];
  worker.thread->loop().post(
      [&worker, number = entry->number, workload = entry->workload, chunk = std::move(between_s),
       last]() mutable { worker.dispatcher->feed(number, workload, std::move(chunk), last); });
  return {};
}

void Engine::tell(const std::vector<ClientReport>& reports) {
  for (const ClientReport& report : reports) {
    // Looked up each time: what is called may have changed everything.
    const std::string id = roster_.id_of(report.client);
    Roster::Entry* const entry = roster_.find(id);
    if (!entry || entry->workload != report.workload) continue;
    switch (report.event) {
      case ClientEvent::kDispatched:
        if (events_.on_dispatched) events_.on_dispatched(id);
        break;
      case ClientEvent::kAnswered:
        if (events_.on_answered) events_.on_answered(id);
        break;
      case ClientEvent::kHungry:
        entry->taken = report.taken;
        // Chunks on their way to the loop may have filled it again.
        if (const std::size_t room = kStreamCapacity - (entry->fed - entry->taken);
            room > 0 && entry->is_fed && events_.on_hungry)
          events_.on_hungry(id, room);
        break;
    }
  }
}

}  // namespace galileo::load
