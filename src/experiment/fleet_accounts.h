// A run on a fleet, worker by worker: what each says that it has sent, and what has arrived of
// it. A worker that has died can say nothing more: what is known of it then is what arrived. Plain
// values and pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "analysis/result.h"
#include "analysis/summary.h"
#include "fleet/clocks.h"
#include "load/ledger.h"
#include "load/run_figures.h"
#include "wire/fleet_api.h"

namespace galileo::experiment {

struct WorkerAccount {
  bool is_ours = false;  // reports of itself; an old worker doesn't
  bool is_dead = false;  // was ours, and is silent
  std::optional<fleet::ClockOffset> clock;
  wire::RunReport report;           // the last one; of an old worker: none
  double offered_rps = 0;           // between the last two
  std::uint64_t requests_told = 0;  // of an old worker: what its clients say they have sent
  load::Ledger received;            // of the traces that have arrived
  Duration first_late{0};           // how late its first request was dispatched
  bool has_first = false;
};

using FleetAccounts = std::map<std::string, WorkerAccount>;  // by worker

// A new report of a worker, unless a newer one has come.
void take_report(WorkerAccount& worker, const wire::RunReport& report);

// All workers together. Traces that didn't arrive are lost. What a dead worker had intended, as far
// as it told, and no trace tells of is in flight at the end, and its trace lost.
load::Ledger ledger_of(const FleetAccounts& accounts);
// As far as reports and traces tell, whichever say more.
load::Begun begun_of(const FleetAccounts& accounts);

// Requests under way, as told.
std::uint64_t in_flight_of(const FleetAccounts& accounts);

// The last second, over all workers that report.
analysis::LiveFigures live_of(const FleetAccounts& accounts);

// What generating the load took, over all workers that report, in the time in which requests were
// due (0: not known); the busiest loop of any.
analysis::GeneratorUse use_of(const FleetAccounts& accounts, Duration due);

// What became of checks, of who makes requests and of the first failures, over all workers, as far
// as they have told.
load::RunFigures figures_of(const FleetAccounts& accounts);

// A line a worker that died: what is known of its requests.
std::vector<std::string> doubts_of(const FleetAccounts& accounts);

// A line a thing worth saying: clocks, the skew of the start, old workers.
std::vector<std::string> notes_of(const FleetAccounts& accounts);

// How far apart the workers' first requests can have been, beyond what the schedule says: the
// latest first dispatch, and what isn't known of the clocks.
Duration start_skew_of(const FleetAccounts& accounts);

}  // namespace galileo::experiment
