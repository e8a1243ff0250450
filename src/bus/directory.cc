#include "bus/directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "base/secrets.h"
#include "base/text.h"
#include "bus/keys.h"

namespace galileo::bus {
namespace {

Result<void> check_worker_name(const std::string& name) {
  const bool has_control = std::any_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
  });
  if (!name.empty() && name.find(':') == std::string::npos && !has_control) return {};
  return Error{ErrorCode::kUsage,
               fmt::format("'{}' can't be a worker's name", name),
               {},
               name.empty()  ? "it is empty"
               : has_control ? "it holds a control character"
                             : "it holds ':', which parts client ids",
               "set galileo_worker_name to a plain name"};
}

bool is_weight(double weight) {
  return std::isfinite(weight) && weight >= 0;
}

Result<void> check_route(const Route& route) {
  std::string why;
  if (route.service.empty())
    why = "it names no service";
  else if (route.hosts.empty())
    why = "it has no host";
  else if (route.weights.size() != route.hosts.size())
    why = fmt::format("it has {} hosts and {} weights", route.hosts.size(), route.weights.size());
  else if (!std::all_of(route.weights.begin(), route.weights.end(), is_weight))
    why = "a weight is negative or no number";
  else if (std::find(route.hosts.begin(), route.hosts.end(), "") != route.hosts.end())
    why = "a host is empty";
  if (why.empty()) return {};
  return Error{ErrorCode::kUsage,
               fmt::format("can't set the route of '{}'", route.service),
               {},
               std::move(why),
               "give each host a weight of 0 or more; to have no route, remove it"};
}

// A route from its stored lists; nothing where both are empty.
Result<std::optional<Route>> route_of(const Bus& bus, const std::string& service,
                                      const std::vector<std::string>& hosts,
                                      const std::vector<std::string>& weights) {
  if (hosts.empty() && weights.empty()) return std::nullopt;
  const auto malformed = [&](std::string why) {
    return Error{ErrorCode::kCorrupt, fmt::format("can't use the route of '{}'", service),
                 bus.where(), std::move(why), "set it again, or remove it"};
  };
  if (hosts.size() != weights.size())
    return malformed(fmt::format("{} hosts and {} weights", hosts.size(), weights.size()));
  Route route{service, hosts, {}};
  for (const auto& text : weights) {
    const auto weight = parse_number(trim(text));
    if (!weight || !is_weight(*weight)) return malformed(fmt::format("the weight '{}'", text));
    route.weights.push_back(*weight);
  }
  if (std::find(hosts.begin(), hosts.end(), "") != hosts.end()) return malformed("an empty host");
  return route;
}

// So many go into one transaction, for which all others wait.
constexpr std::size_t kClientsAtOnce = 1000;

}  // namespace

Result<void> register_worker(Bus& bus, const WorkerEntry& worker) {
  TRY(check_worker_name(worker.name));
  std::map<std::string, std::string> labels;
  for (const auto& [label, value] : worker.labels) {
    if (!is_secret_name(label)) labels.emplace(label, value);
  }
  // The labels that it had before go, and are there when its name is.
  const std::string key = worker_labels_key(worker.name);
  TRY(bus.change(
      {remove_key(key), hash_set(key, labels), set_add(std::string(kWorkers), {worker.name})}));
  return {};
}

Result<void> unregister_worker(Bus& bus, const std::string& name) {
  TRY(check_worker_name(name));
  std::vector<Change> changes = {set_remove(std::string(kWorkers), {name})};
  for (const auto& id : TRY(client_ids(bus, name))) changes.push_back(remove_key(client_key(id)));
  changes.push_back(remove_key(worker_clients_key(name)));
  changes.push_back(remove_key(worker_labels_key(name)));
  changes.push_back(remove_key(worker_heartbeat_key(name)));
  TRY(bus.change(changes));
  return {};
}

Result<std::vector<std::string>> worker_names(Bus& bus) {
  return bus.set_members(std::string(kWorkers));
}

Result<std::vector<WorkerEntry>> workers(Bus& bus) {
  const auto names = TRY(worker_names(bus));
  std::vector<std::string> keys;
  for (const auto& name : names) keys.push_back(worker_labels_key(name));
  auto labels = TRY(bus.hashes(keys));
  std::vector<WorkerEntry> found;
  for (std::size_t i = 0; i < names.size(); ++i) found.push_back({names[i], std::move(labels[i])});
  return found;
}

Result<std::vector<std::string>> forget_workers(Bus& bus) {
  auto names = TRY(worker_names(bus));
  std::vector<Change> changes;
  changes.reserve(names.size() + 1);
  for (const auto& name : names) changes.push_back(remove_key(worker_clients_key(name)));
  changes.push_back(remove_key(std::string(kWorkers)));
  TRY(bus.change(changes));
  return names;
}

Result<void> add_clients(Bus& bus, const std::string& worker,
                         const std::map<std::string, std::string>& clients) {
  std::vector<std::string> ids;
  std::vector<Change> changes;
  const auto make = [&]() -> Result<void> {
    changes.push_back(set_add(worker_clients_key(worker), std::exchange(ids, {})));
    TRY(bus.change(std::exchange(changes, {})));
    return {};
  };
  for (const auto& [id, description] : clients) {
    ids.push_back(id);
    changes.push_back(set_text(client_key(id), description));
    if (ids.size() == kClientsAtOnce) TRY(make());
  }
  return ids.empty() ? Result<void>() : make();
}

Result<void> remove_client(Bus& bus, const std::string& worker, const std::string& client_id) {
  TRY(bus.change(
      {remove_key(client_key(client_id)), set_remove(worker_clients_key(worker), {client_id})}));
  return {};
}

Result<std::vector<std::string>> client_ids(Bus& bus, const std::string& worker) {
  return bus.set_members(worker_clients_key(worker));
}

Result<std::vector<std::string>> all_client_ids(Bus& bus) {
  std::set<std::string> ids;
  for (const auto& key : TRY(bus.keys(std::string(kAllWorkerClients)))) {
    for (auto& id : TRY(bus.set_members(key))) ids.insert(std::move(id));
  }
  return std::vector<std::string>(ids.begin(), ids.end());
}

Result<std::optional<std::string>> client_description(Bus& bus, const std::string& client_id) {
  return bus.text(client_key(client_id));
}

Result<void> set_route(Bus& bus, const Route& route) {
  TRY(check_route(route));
  std::vector<std::string> weights;
  weights.reserve(route.weights.size());
  for (const double weight : route.weights) weights.push_back(fmt::format("{}", weight));
  const std::string hosts_key = routing_hosts_key(route.service);
  const std::string weights_key = routing_weights_key(route.service);
  TRY(bus.change({remove_key(hosts_key), remove_key(weights_key),
                  set_add(std::string(kRoutingServices), {route.service}),
                  list_push_right(hosts_key, route.hosts),
                  list_push_right(weights_key, std::move(weights)),
                  publish_in(std::string(kRoutingUpdates), route.service)}));
  return {};
}

Result<std::optional<Route>> route(Bus& bus, const std::string& service) {
  const auto lists = TRY(bus.lists({routing_hosts_key(service), routing_weights_key(service)}));
  return route_of(bus, service, lists[0], lists[1]);
}

Result<Routes> routes(Bus& bus) {
  const auto services = TRY(bus.set_members(std::string(kRoutingServices)));
  std::vector<std::string> keys;
  for (const auto& service : services) {
    keys.push_back(routing_hosts_key(service));
    keys.push_back(routing_weights_key(service));
  }
  const auto lists = TRY(bus.lists(keys));
  Routes found;
  for (std::size_t i = 0; i < services.size(); ++i) {
    const auto route = route_of(bus, services[i], lists[2 * i], lists[2 * i + 1]);
    if (!route.ok()) {
      found.malformed.push_back(route.error());
    } else if (const auto& there = *route) {  // else it was removed a moment ago
      found.routes.push_back(*there);
    }
  }
  return found;
}

Result<void> remove_route(Bus& bus, const std::string& service) {
  TRY(bus.change({remove_key(routing_hosts_key(service)), remove_key(routing_weights_key(service)),
                  set_remove(std::string(kRoutingServices), {service}),
                  publish_in(std::string(kRoutingUpdates), service)}));
  return {};
}

Result<std::vector<std::string>> clear_routes(Bus& bus) {
  auto services = TRY(bus.set_members(std::string(kRoutingServices)));
  std::vector<Change> changes;
  for (const auto& service : services) {
    changes.push_back(remove_key(routing_hosts_key(service)));
    changes.push_back(remove_key(routing_weights_key(service)));
    changes.push_back(publish_in(std::string(kRoutingUpdates), service));
  }
  changes.push_back(remove_key(std::string(kRoutingServices)));
  TRY(bus.change(changes));
  return services;
}

}  // namespace galileo::bus
