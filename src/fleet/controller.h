// The controlling end of a fleet: who the workers and clients are, and what they shall do, over a
// bus (docs/wire/bus.md). It keeps nothing itself, so that any number of controllers and old shells
// can be at work beside each other, and speaks to old workers and ours alike; what only ours have
// (heartbeats, clocks) is asked for and may be absent.
//
// Any thread but the bus's desk, one call at a time; each blocks for the bus and for the workers'
// answers. Errors are the bus's, and those said at the call. The bus outlives it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "bus/bus.h"
#include "fleet/clocks.h"
#include "fleet/group.h"
#include "wire/fleet_api.h"
#include "wire/worker_api.h"

namespace galileo::fleet {

// A worker, as the bus knows it.
struct WorkerStatus {
  std::string name;
  std::map<std::string, std::string> labels;
  std::uint64_t clients = 0;
  std::optional<wire::Heartbeat> heartbeat;  // none: an old worker, or one of ours that has died
  bool alive = false;                        // it listens to commands, whosever it is
};

// What came of asking all workers to register again.
struct Discovery {
  std::uint64_t told = 0;               // listeners that got the command
  std::vector<std::string> registered;  // workers that did so in time, sorted
};

// Who answered a ping, sorted, and why others that got it didn't.
struct Pinged {
  std::vector<std::string> workers;
  std::vector<Error> failures;
};

// How many new clients each worker is to run: one after the other goes where the fewest are, the
// first by name among equals. `running` isn't empty.
std::map<std::string, std::uint64_t> place_clients(
    std::uint64_t num, const std::map<std::string, std::uint64_t>& running);

// Whether a worker has all labels that are wanted, with these values.
bool labels_match(const wire::Labels& wanted, const std::map<std::string, std::string>& labels);

class Controller {
 public:
  explicit Controller(bus::Bus& bus);

  bus::Bus& bus() const { return bus_; }
  // What wall times of this controller are told by, clock offsets among them.
  const WallClock& wall_clock() const { return wall_clock_; }

  Result<std::vector<WorkerStatus>> workers();  // by name
  // Forgets the workers and has those that live register again; waits until as many have as were
  // told to, up to `timeout`. Fewer is no Error: a foreign listener on the event bus is told, too.
  // Which clients old workers have isn't known afterwards, until they have new ones.
  Result<Discovery> discover(Duration timeout = std::chrono::seconds{5});
  // Asks all workers for a sign of life; empty where there is none.
  Result<Pinged> ping();

  // Traces are published, or dropped, from now on; how many workers were told.
  Result<std::uint64_t> start_tracing();
  Result<std::uint64_t> stop_tracing();

  // Those that the bus knows, by id; what can't be read is left out.
  Result<std::vector<wire::ClientDescription>> clients();
  // These of its clients (none named: all). kNotFound for an id that isn't there.
  Result<ClientGroup> group(const std::vector<std::string>& ids = {});
  // What these clients answer of themselves.
  Result<ClientInfos> info(const std::vector<std::string>& ids);

  // Makes `num` clients on the workers whose labels match, each where the fewest are, and returns
  // when they can be commanded. kNotFound: no worker matches; it says which labels there are. Where
  // a worker fails, those that others have made are closed again. None on the workers `without`.
  Result<ClientGroup> spawn(const wire::ClientConfig& config, std::uint64_t num = 1,
                            const std::set<std::string>& without = {});

  // The same, one on each of the workers that match, `most` at most.
  Result<ClientGroup> spawn_on_each(const wire::ClientConfig& config, std::uint64_t most,
                                    const std::set<std::string>& without = {});

  // Tells an event of the experiment: on galileo/events, with the time.
  Result<void> event(std::string_view name, std::string_view value = {});

  // How far the worker's wall clock is from wall_clock(); nothing of an old one.
  Result<std::optional<ClockOffset>> measure_clock(std::string_view worker);

 private:
  Result<std::map<std::string, std::uint64_t>> matching_workers(
      const wire::ClientConfig& config, const std::set<std::string>& without);
  Result<ClientGroup> spawn_at(const wire::ClientConfig& config,
                               const std::map<std::string, std::uint64_t>& places);
  Result<void> wait_until_listening(const std::vector<wire::ClientDescription>& clients);

  bus::Bus& bus_;
  const net::RealClock clock_;
  const WallClock wall_clock_;
};

}  // namespace galileo::fleet
