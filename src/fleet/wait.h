// The end of a workload, waited for: each client says when it has sent the last request of it
// (WorkloadDoneEvent). Clients that can't say so any more are noticed: a worker of ours that is
// silent for 2.5 s, began anew or went, an old worker that said goodbye, a client that was closed.
// An old worker that is killed says nothing: there only the deadline ends the wait, and says who is
// missing.
//
// The old wire doesn't number workloads: a client that is given another one while this is waited
// for ends the wait with that one's end. Made and used on one control thread; the bus outlives it.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "bus/bus.h"
#include "fleet/mailbox.h"
#include "net/clock.h"
#include "wire/worker_api.h"

namespace galileo::fleet {

class Wait {
 public:
  // Listens from when this returns: so that nothing is missed, before the workload begins.
  static Result<std::unique_ptr<Wait>> open(bus::Bus& bus,
                                            const std::vector<wire::ClientDescription>& clients);
  ~Wait();

  // Until all clients are done, up to `timeout`; blocks. Errors: kUnavailable as soon as clients
  // are lost, kInterrupted at the deadline, each naming the clients. It may be called again: then
  // it waits for the clients that are left, and tells of lost ones at its end only. What comes
  // between two calls isn't missed. While the bus is away it waits; who said then that it was done
  // may never be heard.
  Result<void> wait(Duration timeout);

  // As of the last wait(): all clients have said so.
  bool done() const { return clients_.size() == done_.size(); }
  // Neither done nor lost, sorted.
  std::vector<std::string> missing() const;
  // Not done and never to be, with why. A worker that was silent and speaks again, as the same
  // process, has its clients back.
  std::map<std::string, std::string> lost() const;

  // As of the last look at the workers: the bus didn't answer.
  bool is_bus_away() const { return was_away_; }

  // Whether the worker had a heartbeat when this was opened: it is of this project.
  bool has_heartbeat(const std::string& worker) const;

 private:
  struct WatchedWorker {
    std::string boot;   // of its heartbeat; empty: an old worker
    std::string why;    // it is gone; empty: it is there
    bool left = false;  // for good
  };

  explicit Wait(bus::Bus& bus);
  bool concerns(std::string_view channel, std::string_view message) const;
  void take(const std::string& channel, const std::string& message);
  void look();
  Error lost_error() const;
  Error late_error(Duration timeout) const;

  bus::Bus& bus_;
  const net::RealClock clock_;
  std::map<std::string, std::string> clients_;  // each one's worker; doesn't change once open
  std::map<std::string, WatchedWorker> workers_;
  std::set<std::string> done_;
  std::set<std::string> closed_;
  Time next_look_{};
  bool told_ = false;      // of clients that are lost
  bool was_away_ = false;  // the bus, at the last look
  Mailbox mailbox_;
};

}  // namespace galileo::fleet
