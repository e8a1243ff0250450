// The traces that come to a run on a fleet: those of its own clients go on to where they are kept,
// and are counted by worker. Lives at the collector's desk.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "experiment/fleet_accounts.h"
#include "experiment/old_workers.h"
#include "load/workload.h"
#include "store/spool.h"

namespace galileo::experiment {

class OwnTraces final : public store::SpoolVisitor {
 public:
  void expect(const std::string& client) {
    // The worker of "<worker>:<service>:<n>"; its name holds no colon.
    clients_[client].worker = &accounts[client.substr(0, client.find(':'))];
  }
  // Of an old worker.
  void expect_in(const std::string& client, const OldPhase& phase) {
    clients_[client].phase = phase;
  }
  void pass_to(store::SpoolVisitor& to) { to_ = &to; }
  bool passes_on() const { return to_ != nullptr; }

  void on_trace(const wire::Trace& trace, const wire::Names& names) override {
    if (trace.client >= known_.size()) known_.resize(names.size(), nullptr);
    const ExpectedClient*& client = known_[trace.client];
    if (!client) {
      const auto found = clients_.find(names.at(trace.client));
      if (found == clients_.end()) return;  // another run's
      client = &found->second;
    }
    WorkerAccount& worker = *client->worker;
    if (!worker.has_first && trace.dispatched != kNoWall && !trace.closed_loop) {
      worker.has_first = true;
      worker.first_late = trace.dispatched - trace.created;
    }
    if (!client->phase) {
      worker.received.count(trace);
      return to_->on_trace(trace, names);
    }
    const wire::Trace placed = as_of_ours(trace, *client->phase, limits);
    worker.received.count(placed);
    to_->on_trace(placed, names);
  }
  void on_sample(const wire::Sample& sample) override { to_->on_sample(sample); }
  void on_event(const wire::Event& event) override { to_->on_event(event); }

  FleetAccounts accounts;  // only what has been received
  load::Limits limits;

 private:
  struct ExpectedClient {
    WorkerAccount* worker = nullptr;
    std::optional<OldPhase> phase;  // of an old worker's
  };

  std::map<std::string, ExpectedClient> clients_;
  std::vector<const ExpectedClient*> known_;  // by the client's number
  store::SpoolVisitor* to_ = nullptr;
};

}  // namespace galileo::experiment
