// What `galileo daemon` does: takes experiments from the queue, one at a time, and runs each on the
// fleet, which it has for as long; looks after what other daemons have left. docs/how-to/daemon.md.
//
// Made, started and ended on the control thread. Its work is done at a desk of its own, where it
// waits for the bus and the database; the run has a thread beside it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bus/bus.h"
#include "commands/leased_run.h"
#include "commands/live_channel.h"
#include "commands/run_orders.h"
#include "fleet/lease.h"
#include "net/desk.h"
#include "service/keeper.h"
#include "store/store.h"
#include "wire/queued_experiment.h"

namespace galileo::commands {

// What an experiment from the queue may do on the daemon's machine.
struct Allowed {
  bool environment = false;  // ${NAME} of the daemon's
  bool files = false;        // that the experiment names
  bool commands = false;     // applications, and what telemetry runs
  bool kubernetes = false;   // pods, and what else the cluster lets this machine do
};
// False: there is nothing of that name.
bool allow(Allowed& allowed, std::string_view word);

struct DaemonOptions {
  std::string bus;  // a URL
  std::string database;
  std::string spool_folder;
  Duration lease = fleet::kLeaseLasts;
  Duration longest = std::chrono::hours{24};  // of a run whose plan has no end
  Duration grace = std::chrono::minutes{1};   // of each, beside its plan
  Allowed allowed;
  std::string version;
};

class DaemonWork {
 public:
  // `bus` is for its work, `lease_bus` for the lease alone; both outlive it. `on_over` is called on
  // the desk, once.
  DaemonWork(bus::Bus& bus, bus::Bus& lease_bus, DaemonOptions options,
             std::function<void()> on_over);
  ~DaemonWork();
  DaemonWork(const DaemonWork&) = delete;
  DaemonWork& operator=(const DaemonWork&) = delete;

  void start();
  // Takes nothing more, and asks what runs to end; `now`: all at once.
  void end(bool now);
  const std::string& id() const { return id_; }

 private:
  struct Taken {
    std::string item;
    wire::QueuedExperiment queued;
    wire::Experiment row;
    AskedRun asked;
  };

  Time tick(Time now);
  void beat();
  void look_after();
  void try_begin();
  Result<bool> take_and_begin();
  Result<std::optional<std::string>> take_item();
  Result<bool> drop(const std::string& item, std::string_view why);
  Result<void> identify(Taken& taken);
  Result<std::optional<wire::Experiment>> row_of(const wire::QueuedExperiment& queued);
  Result<AskedRun> asked_of(const wire::QueuedExperiment& queued);
  Result<bool> mark_begun(wire::Experiment& row);
  void begin(Taken taken);
  void serve_orders();
  void ask_run_to_end(const experiment::Ending& ending, bool now);
  void tell_end(const Result<nlohmann::ordered_json>& result);
  void finish();
  void check_deadline(Time now);
  Result<store::Store*> store();

  bus::Bus& bus_;
  const DaemonOptions options_;
  const std::function<void()> on_over_;
  const std::string id_;
  const Wall started_;
  fleet::FleetLease lease_;
  // The desk's from here on.
  service::Keeper keeper_;
  std::unique_ptr<store::Store> store_;
  std::optional<Taken> taken_;
  std::unique_ptr<bus::Bus> live_bus_;  // fenced
  std::unique_ptr<LiveChannel> live_;   // outlives the run
  std::unique_ptr<LeasedRun> run_;
  std::unique_ptr<RunOrders> orders_;
  Time deadline_ = kNever;
  Time beat_due_{};
  Time look_due_{};
  Time take_due_{};
  std::string why_;  // it does nothing, or can't
  bool is_ending_ = false;
  bool is_over_ = false;
  bool is_told_ = false;
  net::Desk desk_;
};

}  // namespace galileo::commands
