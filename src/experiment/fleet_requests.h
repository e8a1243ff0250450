// A run's requests that are made one by one, or checked, on the workers of a fleet: which of its
// clients' requests are described (load/request_description.h), who of the workers can read that,
// and the way there of the descriptions and of all that they name. Files are read here, on the
// controller's machine; no worker opens a path of this one. Lives on the control thread; blocking.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "bus/bus.h"
#include "fleet/contents.h"
#include "fleet/controller.h"
#include "plan/plan.h"
#include "wire/fleet_requests.h"

namespace galileo::experiment {

// Whether workers are told this client's requests as a description.
bool is_described(const load::ClientSpec& spec, const load::Limits& limits);
// Whether each worker sends a part of them: a client a worker is this one client.
bool is_shared_out(const load::ClientSpec& spec);
// How many of a replay's requests are the index-th client's of `of`.
std::uint64_t share_of_replay(const load::ClientSpec& spec, std::size_t index, std::size_t of);

class FleetRequests {
 public:
  // All outlive it.
  FleetRequests(bus::Bus& bus, const plan::Plan& plan, const std::string& run)
      : bus_(bus), plan_(plan), run_(run) {}

  // An Error where a worker would get a client whose requests it can't read, by its name; or where
  // a file is there that is too large. Before anything else is done.
  Result<void> check(const std::vector<fleet::WorkerStatus>& workers);
  // Gives the workers all that they need for all phases. An Error names the worker, or the file.
  Result<void> send();
  // A ClientConfig's parameters; after send().
  std::string parameters_of(const load::ClientSpec& spec) const;
  // Workers that have it all.
  const std::set<std::string>& workers() const { return workers_; }
  // What a person should know of what requests are made of.
  const std::vector<std::string>& notes() const { return notes_; }
  // The run is over.
  void forget();

 private:
  Result<std::string> describe(const load::ClientSpec& spec, fleet::ContentShelf& shelf,
                               wire::TakeRequests& take);
  Result<void> give(const wire::TakeRequests& take);

  bus::Bus& bus_;
  const plan::Plan& plan_;
  const std::string& run_;
  std::set<std::string> workers_;
  std::map<const load::ClientSpec*, std::string> hashes_;
  std::map<std::string, wire::ContentName> contents_;  // by what they are read from
  std::vector<std::string> notes_;
  bool sent_ = false;
};

}  // namespace galileo::experiment
