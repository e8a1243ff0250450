// Clients that are commanded together, wherever they run. A group is a value: a list of clients and
// the Controller that made it, which outlives it. Commands to all its clients go out in one go.
//
// Any thread but the bus's desk, one at a time. Each call blocks for the bus; its Errors are the
// bus's, kUsage for what can't be meant, and those said at the call.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "fleet/wait.h"
#include "wire/worker_api.h"

namespace galileo::fleet {

class Controller;

// What passes between two requests of a client, in the words of the old wire: a fixed time
// ({"constant", {0.05}}, in seconds), a draw ({"expovariate", {20}}, see load/distributions.def),
// the client's recorded profile ({"prerecorded", {}}), or nothing at all ({}): as fast as possible.
struct Interarrival {
  std::string distribution = "constant";
  std::vector<double> parameters;
};
// kUsage: no such distribution, parameters that it can't have, a negative time.
Result<void> check(const Interarrival& interarrival);

// What clients say of themselves.
struct ClientInfos {
  std::vector<wire::ClientInfo> clients;  // by id
  std::vector<std::string> missing;       // were asked for, and haven't answered in 2 s
};

class ClientGroup {
 public:
  ClientGroup(Controller& controller, std::vector<wire::ClientDescription> clients)
      : controller_(&controller), clients_(std::move(clients)) {}

  // In the order in which they were made.
  const std::vector<wire::ClientDescription>& clients() const { return clients_; }
  std::vector<std::string> ids() const;

  // Each client sends `num` requests (none: without end) from now on, in place of what it did; the
  // Wait is over when all have. kUnavailable where a command reached nobody. Clients of old workers
  // are spared what kills them: for them as fast as possible is a nanosecond in between.
  Result<std::unique_ptr<Wait>> request(std::optional<std::uint64_t> num,
                                        const Interarrival& interarrival = {});
  // Each client sends so many requests a second, without end; 0 pauses.
  Result<void> rps(double rate);
  Result<void> pause();
  Result<ClientInfos> info();

  // Spawns `num` more of the same kind; they are in this group, and in the one that is returned.
  // kUsage where the group is empty or of several kinds: which one isn't clear.
  Result<ClientGroup> add(std::uint64_t num = 1);
  // Closes the `num` newest clients (none: all), which leave the group at once; their ids. Waits up
  // to `timeout` until their workers have struck them off; kUnavailable names those that are still
  // there, as those of a dead worker are.
  Result<std::vector<std::string>> close(std::optional<std::size_t> num = {},
                                         Duration timeout = std::chrono::seconds{3});

  // The clients of both, none twice.
  friend ClientGroup operator+(const ClientGroup& one, const ClientGroup& other);

 private:
  Result<void> publish(std::string_view type, const std::vector<std::string>& commands);

  Controller* controller_;
  std::vector<wire::ClientDescription> clients_;
};

}  // namespace galileo::fleet
