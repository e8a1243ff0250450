// The result of a run as one document: what the summary text prints, `--json` writes, the report
// draws and the database keeps (schema/result.schema.json). Made from the pieces after a run, or
// from a database. Plain values and pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analysis/joined_view.h"
#include "analysis/own_share.h"
#include "analysis/summary.h"
#include "analysis/telemetry_series.h"
#include "analysis/thresholds.h"
#include "analysis/verdict.h"
#include "load/http_counts.h"
#include "net/tls.h"
#include "wire/experiment.h"
#include "wire/statuses.h"

namespace galileo::analysis {

// What the generator itself used.
struct GeneratorUse {
  double cpu_s = 0;               // user and system, the whole process
  double busiest_loop_share = 0;  // 0 to 1
  std::uint64_t rss_max_bytes = 0;
  unsigned threads = 0;  // event loops
  net::TlsCounts tls;    // handshakes, of the warm-up too
  load::HttpCounts http;
  // What it saw of itself, or the workers of a fleet that tell; nothing: none does.
  std::optional<GeneratorState> state;
  std::vector<std::string> silent;  // workers that sent and don't tell
};

// Where the result comes from: enough to repeat it.
struct Provenance {
  std::string version;
  std::uint64_t seed = 0;
  std::vector<std::string> command;  // argv
  std::vector<std::pair<std::string, std::string>> host;
  std::string file_path;
  std::string file_text;
  std::string plan_json;
  std::string database;  // empty: none
  std::string spool;     // empty: drained and gone
  std::string report;
};

// What run() says of a run and load_stored_result() reads back. `ledger` is the whole run's, as the
// load's source counted; Summary::ledger() is of the traces that arrived.
struct RunResult {
  wire::Experiment experiment;
  Verdict verdict;
  std::vector<ThresholdResult> thresholds;
  load::Ledger ledger;
  GeneratorUse generator;
  std::vector<CheckFigures> checks;
  Provenance provenance;
  std::vector<std::string> notes;
  std::vector<std::string> steered;  // what was changed by hand while it went on, in order
  wire::StatusSet fail_on = wire::failing_by_default();  // answers that counted as failures
  std::string metadata;     // of the user's, a JSON object; empty: none
  std::string ended_early;  // why it was ended before all of it was done; empty: it wasn't
  std::string ended;  // who ended it and why, a JSON object (ended_json()); empty: its plan did
};

// Who or what has ended an experiment before its plan was over, as its metadata have it under
// "ended": docs/wire/daemon.md.
std::string ended_json(const std::string& status, const std::string& reason, const std::string& by,
                       Wall at);

// The whole document. `summary` and `telemetry` give the statistics and series, `joined` what is
// known of pods and nodes.
std::string result_json(const RunResult& result, const Summary& summary,
                        const TelemetrySeries& telemetry, const JoinedView& joined);

// What is saved as the experiment's metadata: the document without what the database's rows give,
// and beside its keys those of the user's metadata, where the old system's readers look for them.
std::string metadata_json(const RunResult& result);

// The keys that are ours there, of a result, a recorder or a run that was cut off.
const std::vector<std::string>& result_metadata_keys();

// Reads metadata_json() back; what isn't there (a database of the old system) stays empty.
RunResult parse_metadata(const std::string& json);
// The same of what must be whole: nothing where it isn't a result's of this program, or a part of
// it can't be read.
std::optional<RunResult> parse_whole_metadata(const std::string& json);

}  // namespace galileo::analysis
