// A run: from a plan to a result. A call that knows no process, no signal, no terminal and no
// report: what it needs of the world is handed to it, so that a command, a service or a notebook
// can make one. The steps, in order, are at the end of run.cc; whatever happens in one of them,
// what has been recorded is kept and what was started is stopped.
//
// Blocking: it runs on the caller's thread, which becomes the run's control loop. Several runs may
// go on in one process, each on a thread of its own and with a setup of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "analysis/joined_view.h"
#include "analysis/result.h"
#include "analysis/summary.h"
#include "analysis/telemetry_series.h"
#include "experiment/load_source.h"
#include "experiment/platform.h"
#include "experiment/run_observer.h"
#include "experiment/run_watcher.h"
#include "experiment/steering.h"
#include "experiment/stop.h"
#include "experiment/telemetry_source.h"
#include "plan/plan.h"
#include "store/recording.h"

namespace galileo::experiment {

// Why a run that was told to end shall be over, where whoever has told it says so.
struct Ending {
  std::string status;  // wire::kCancelled, kFailed or kFinished
  std::string reason;
  std::string by;
};

// All of it outlives the run, and is one run's.
struct RunSetup {
  store::Recording& recording;  // opened; the run begins and ends it
  LoadMaker load;               // on_engine(), on_fleet()
  Platform& platform;           // where applications run
  TelemetrySource& telemetry;
  RunWatcher& watcher;
  Stop& stop;
  // What the run can't know of its result: the program's version, the command, the report's place.
  analysis::Provenance provenance;
  // How many files the process may have open: what bounds the connections of on_engine(). 0: the
  // plan does.
  std::size_t open_files_max = 0;
  std::vector<RunObserver*> observers = {};
  Steering* steering = nullptr;  // null: nobody changes the load by hand
  // One that was queued: its id, time of creation, name and creator are known, and its status while
  // it runs. None: all of it is drawn or the plan's.
  std::optional<wire::Experiment> queued = {};
  // By which claim it has its fleet; 0: it has none. It stands in its database while it runs.
  std::uint64_t claim = 0;
  // Asked once, on the run's thread, at its end.
  std::function<std::optional<Ending>()> ending = {};
};

struct RunOutcome {
  analysis::RunResult result;
  analysis::Summary summary;
  analysis::TelemetrySeries telemetry;
  analysis::JoinedView joined;
  bool interrupted = false;      // it was told to stop
  bool stored = true;            // what is to be in the database is there; else in the spool
  std::optional<Error> problem;  // why not all of it was run, or could be kept
};

// Runs it. An Error where the run couldn't begin; where it could, but couldn't go on to a later
// phase, or not all of it could be kept, the outcome says so.
Result<RunOutcome> run(const plan::Plan& plan, const RunSetup& setup);

}  // namespace galileo::experiment
