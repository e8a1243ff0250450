// What a worker knows of one run that a controller of ours has begun on it. Private to this room;
// lives on the worker's control loop.
#pragma once

#include <set>
#include <string>

#include "base/time.h"
#include "fleet/worker.h"
#include "load/engine.h"
#include "telemetry/hindrances.h"

namespace galileo::fleet {

struct Worker::Run {
  std::set<std::string> clients;      // that it has been given, whether they are done or not
  std::set<std::string> unanswered;   // with requests to come or under way
  std::uint64_t requests_before = 0;  // of its clients, made before the run
  std::uint64_t made_by_closed = 0;   // requests of clients that have been closed since
  Time began{};
  Duration cpu_before{0};
  load::Engine::Snapshot before;  // what its loops had used by then
  telemetry::Hindrances hindered_before;
  bool said_done = false;
  // Of whoever ordered it (wire/lease.h); 0: nobody who has one.
  std::uint64_t claim = 0;
  Duration lease{0};
  Time owner_seen{};           // that it has the fleet
  Time nobody_since = kNever;  // whatever the bus has answered since
};

}  // namespace galileo::fleet
