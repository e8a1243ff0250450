// Who sends the requests of a run: this process (on_engine.cc), or the workers of a fleet
// (on_fleet.cc). The run says when to begin, watches, and asks for the ledger; where the traces go
// is the source's affair. Lives on the control thread; on_done callbacks come through the control
// loop.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analysis/result.h"
#include "analysis/summary.h"
#include "bus/bus.h"
#include "experiment/collector.h"
#include "load/ledger.h"
#include "net/loop.h"
#include "plan/plan.h"

namespace galileo::experiment {

// How things stand.
struct LoadState {
  load::Ledger ledger;  // traces_stored and the like are the run's to fill
  std::uint64_t in_flight = 0;
  std::uint64_t connections = 0;
  std::optional<analysis::LiveFigures> live;  // of the last second; none: as the collector has them
  std::string trouble;                        // a worker that has died
};

class LoadSource {
 public:
  virtual ~LoadSource() = default;

  // What must be there whatever the applications are, before they are started: workers.
  virtual Result<void> prepare() { return {}; }
  // Once the applications are ready: everything that must be there before the first request: names
  // resolved, routes set.
  virtual Result<void> open() = 0;
  // Begins the phase's clients a moment from now and returns when; the first phase's start is the
  // run's, and requests due before the plan's warm-up since then are marked. `on_done` is called
  // once.
  virtual Result<Time> begin_phase(const plan::Phase& phase, std::function<void()> on_done) = 0;
  // From a moment on, which it returns, this arrival says when the requests of the phase's clients
  // of that name are due; those of changes that the plan foresees are the source's own affair.
  // `part`: what the traces of what is due since then have as their phase; empty: as before.
  virtual Result<Time> change_arrival(const std::string& client, const load::ArrivalSpec& arrival,
                                      const std::string& part = {}) = 0;
  // From a moment on, which they return, no request of the phase becomes due, or, after a pause,
  // they do again, each so much later; ends in time stay (load/client.h). An Error: nothing is
  // changed.
  virtual Result<Time> pause(const std::string& part) = 0;
  virtual Result<Time> go_on(const std::string& part) = 0;
  // No request becomes due any more; those under way go on.
  virtual void stop_sending() = 0;
  // Ends what is under way at once.
  virtual void end_all() = 0;
  virtual LoadState state() = 0;
  // What would be lost with this process; asked often.
  virtual load::Begun begun() = 0;
  // What it has set for others stays as it is: it may be theirs by now.
  virtual void leave_routes() {}
  // After the last phase, whatever happened: everything that is still on its way to the collector
  // has arrived or is given up, and what was begun is ended. state() is final then.
  virtual void finish() = 0;
  // After finish(): what generating the load took, in the time in which requests were due, the
  // warm-up too; 0: that isn't known.
  virtual analysis::GeneratorUse use(Duration due) = 0;
  // After finish(): what became of the checks, by name.
  virtual std::vector<analysis::CheckFigures> checks() { return {}; }
  // After finish(): why the result is in doubt: workers that died.
  virtual std::vector<std::string> doubts() { return {}; }
  // After finish(): what is worth a line in the result.
  virtual std::vector<std::string> notes() { return {}; }
};

// What a source needs of the run, which outlives it.
struct LoadContext {
  net::Loop& control;  // the run's own
  const plan::Plan& plan;
  Collector& collector;
  const WallClock& wall_clock;
  const std::string& id;  // the experiment's
};

// What a result says where certificates weren't looked at.
inline constexpr const char* kUnverified =
    "certificates were not verified: anyone may have answered in the server's place";

using LoadMaker = std::function<std::unique_ptr<LoadSource>(const LoadContext&)>;

// The event loops of this process, over `limits` of the plan.
LoadMaker on_engine();

// By which claim a run has its fleet (fleet/lease.h), and how long workers go on without a sign of
// it; none: nobody asks.
struct FleetClaim {
  std::uint64_t number = 0;
  Duration lasts{0};
};

// The workers that are registered on the bus, which outlives the run.
LoadMaker on_fleet(bus::Bus& bus, FleetClaim claim = {});

}  // namespace galileo::experiment
