// A run: from a plan to a result. The steps, in order, are in run.cc's run_plan(); whatever happens
// in one of them, what has been recorded is kept and what was started is stopped. Blocking; called
// on the main thread, which it uses as the control loop.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analysis/result.h"
#include "bus/bus.h"
#include "plan/plan.h"
#include "store/spool.h"

namespace galileo::experiment {

struct RunOptions {
  std::string database = "galileo.sqlite";  // "none": the spool is all that is kept
  std::string spool_folder;  // empty: beside the database, or here where there is none
  store::SpoolLimit spool_limit;
  std::string report;  // path of the HTML report; empty: none
  std::string json;    // path of the result document; empty: none
  bool quiet = false;  // no live view
  bool live = false;   // stderr is a terminal: draw over the last lines
  bool colour = false;
  bus::Bus* bus = nullptr;           // its workers send the requests; null: this process does
  std::vector<std::string> command;  // argv, kept with the result
  std::string version;
};

struct RunOutcome {
  std::string text;  // the summary
  analysis::VerdictValue verdict = analysis::VerdictValue::kValid;
  bool balanced = true;
  bool thresholds_passed = true;
  bool interrupted = false;
  bool stored = true;            // what is to be in the database is there; else in the spool
  bool unreached = false;        // not one connection could be made
  std::optional<Error> problem;  // why not all of it was run, or could be kept
};

// Runs it. An Error where the run couldn't begin; where it could, but couldn't go on to a later
// phase, or not all of it could be kept, the outcome says so.
Result<RunOutcome> run_plan(plan::Plan plan, const RunOptions& options);

// A seed nobody has chosen.
std::uint64_t draw_seed();

}  // namespace galileo::experiment
