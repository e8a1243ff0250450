// Who and what there is, as keys on a bus (docs/wire/bus.md): workers with their labels, their
// clients, and the routing table. Each change is one transaction, so that nobody sees half of it.
// Functions over a Bus; any thread but its desk. Their Errors are the bus's, and kUsage or kCorrupt
// where said.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bus/bus.h"

namespace galileo::bus {

// What stands in the directory of a worker.
struct WorkerEntry {
  std::string name;
  std::map<std::string, std::string> labels;
};

// Labels whose name is that of a credential (base/secrets.h) are left out, whoever asks: everyone
// on the bus may read them. kUsage: the name is empty or holds ':', which client ids and keys are
// parted by.
Result<void> register_worker(Bus& bus, const WorkerEntry& worker);
// Its name, its labels, and all that is known of its clients.
Result<void> unregister_worker(Bus& bus, const std::string& name);
Result<std::vector<std::string>> worker_names(Bus& bus);  // sorted
Result<std::vector<WorkerEntry>> workers(Bus& bus);
// What is known of workers and which clients they have, before they are asked to register again;
// the names that were there.
Result<std::vector<std::string>> forget_workers(Bus& bus);

// Clients of a worker by their ids, and what describes each, a JSON array (wire's
// ClientDescription). A thousand a transaction.
Result<void> add_clients(Bus& bus, const std::string& worker,
                         const std::map<std::string, std::string>& clients);
Result<void> remove_client(Bus& bus, const std::string& worker, const std::string& client_id);
Result<std::vector<std::string>> client_ids(Bus& bus, const std::string& worker);  // sorted
Result<std::vector<std::string>> all_client_ids(Bus& bus);                         // sorted
Result<std::optional<std::string>> client_description(Bus& bus, const std::string& client_id);

// Where the requests to a service go. A weight belongs to the host of the same place.
struct Route {
  std::string service;
  std::vector<std::string> hosts;  // "host:port"
  std::vector<double> weights;

  bool operator==(const Route&) const = default;
};

// kUsage: no service, no host, weights of another number than hosts, a weight that is negative or
// no number.
Result<void> set_route(Bus& bus, const Route& route);
// Empty where there is none. kCorrupt: what is stored can't be one.
Result<std::optional<Route>> route(Bus& bus, const std::string& service);

struct Routes {
  std::vector<Route> routes;     // by service
  std::vector<Error> malformed;  // of services whose stored route can't be one
};
Result<Routes> routes(Bus& bus);
Result<void> remove_route(Bus& bus, const std::string& service);
// All of them; the services that had one.
Result<std::vector<std::string>> clear_routes(Bus& bus);

}  // namespace galileo::bus
