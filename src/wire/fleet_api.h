// What workers of this project say beyond the old wire (docs/how-to/fleet.md): a heartbeat, their
// clocks, a start of many clients at one moment, the report of a run. Each is a JSON object;
// unknown fields are passed over, so that later versions may add some. Values; pure functions. A
// decoder's Error says which field and why.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/histogram.h"
#include "base/result.h"
#include "base/time.h"

namespace galileo::wire {

// Under galileo:worker:<name>:heartbeat, gone by itself when the worker is silent for 2.5 s. Its
// being there tells a worker of this project from an old one.
struct Heartbeat {
  std::string worker;
  std::string boot;  // drawn at the start of the process
  std::string version;
  std::int64_t pid = 0;
  Wall at = kNoWall;                 // by the worker's clock
  std::uint64_t traces_waiting = 0;  // in its spool, not yet published
  // Which descriptions of requests it reads (load/request_description.h); 0: none.
  std::uint32_t requests = 0;
};

// From some moment on another arrival says when a client's requests are due.
struct ArrivalOrder {
  Duration at{0};                  // since the workload's start; not of ChangeArrivals
  std::string arrival;             // a name of load/arrivals.def or a distribution
  std::vector<double> parameters;  // of that arrival
  std::string process;             // of rate shapes: "static" or "exponential"
};

// What a client is to do, and how; of StartWorkloads.
struct WorkloadOrder {
  std::string client_id;
  std::string arrival;                // a name of load/arrivals.def or a distribution
  std::vector<double> parameters;     // of that arrival
  std::string process;                // of rate shapes: "static" or "exponential"
  std::vector<ArrivalOrder> changes;  // in order
  std::optional<std::uint64_t> requests;
  std::optional<Duration> duration;
  Duration start_after{0};
  Duration warmup{0};        // requests due before this are marked as warm-up
  std::uint64_t seed = 0;    // with `stream`: the draws of this client
  std::uint64_t stream = 0;  // the client's number over the whole run
  bool closed_loop = false;
  std::uint32_t connections = 0;  // closed loop: connections of this client
  // By how much of the time between two of its requests it is ahead of the last of its group.
  double ahead = 0;
  std::string fail_on;  // wire::StatusSet; empty: the worker's own
  // What bounds its requests, as under an experiment file's `limits`. None: the worker's own.
  std::optional<std::uint32_t> redirects;  // before what the client's request says
  std::optional<Duration> connect_timeout;
  std::optional<std::uint32_t> head_max;
  std::optional<std::uint64_t> body_max;
  std::optional<bool> keep_headers;
  std::optional<std::uint32_t> keep_response;
  std::optional<bool> keep_only_failed;
  // Of a client whose requests are described (docs/wire/requests.md): its number among those of its
  // entry over all workers, from 0, and how many these are.
  std::uint32_t index = 0;
  std::uint32_t of = 0;
  // Its requests are due when the log says that they are made of: every `of`-th, from that of
  // `index` on. `arrival` isn't read.
  bool own_times = false;
};

// The argument of the remote `Worker.start_workloads:<worker>`. All begin at `at`, whatever earlier
// workloads these clients had; the answer is how many were started.
struct StartWorkloads {
  std::string run;    // experiment id: counts and reports are kept by it
  std::string phase;  // what the traces carry
  Wall at = kNoWall;  // by the worker's own clock
  std::vector<WorkloadOrder> orders;
  // The claim by which whoever orders has the fleet (wire/lease.h), and how long the load may go on
  // without a sign of it. 0: an older version's, which has none.
  std::uint64_t claim = 0;
  Duration lease{0};
};

// The argument of the remote `Worker.change_arrivals:<worker>`: these clients' arrival, from `at`
// on. The answer is how many were meant.
struct ChangeArrivals {
  std::string run;
  Wall at = kNoWall;  // by the worker's own clock
  std::vector<std::string> client_ids;
  ArrivalOrder order;
  std::string part;  // of the phase, in the traces of what is due since then; empty: as before
};

// The argument of the remote `Worker.pause_run:<worker>`: from `at` on no request of these clients
// becomes due, or, what was due meanwhile being so much later, they do again. The answer is how
// many were meant.
struct PauseRun {
  std::string run;
  Wall at = kNoWall;  // by the worker's own clock
  std::vector<std::string> client_ids;
  bool pauses = true;
  std::string part;
};

// What a worker saw of its own share in a run's latencies, and of what kept it from its work, since
// the run's start there.
struct OwnReport {
  Histogram latency;  // of all requests but the warm-up's, whatever became of them
  Histogram without_own;
  Histogram without_wait;
  std::uint64_t waited = 0;  // for a connection
  Duration sent_late{0};     // together
  Duration read_late{0};
  std::uint32_t connections_max = 0;  // open at once
  Duration busiest_loop_cpu{0};
  Duration waited_for_core{0};  // the loop that waited longest
  Duration ran{0};              // CPU time of that loop
  Duration stood_still{0};      // the loop that stood still longest, with nobody on its core
  Duration throttled{0};
  std::uint64_t throttled_periods = 0;  // of the CPU quota
  double steal_share = 0;               // of the machine's CPU time
  unsigned cores = 0;                   // that it may use
  unsigned machine_cores = 0;
  // Since the run's start, of all that the worker sends; an older version doesn't tell.
  std::uint64_t handshakes = 0;
  std::uint64_t handshakes_resumed = 0;
  std::uint64_t handshakes_unverified = 0;
  std::uint64_t handshakes_crl_checked = 0;
  // Of HTTP: connections that were made, requests over 1.1 and 2, streams of 2 that it reset.
  std::uint64_t connections = 0;
  std::uint64_t requests_http1 = 0;
  std::uint64_t requests_http2 = 0;
  std::uint64_t streams_reset = 0;
  bool shares_machine = false;  // with a host that it asks
};

// What those who make requests one by one came to, since the run's start on that worker.
struct MakerReport {
  std::uint64_t made = 0;
  std::uint64_t late = 0;
  Duration late_most{0};
  std::uint64_t failed = 0;
  std::string why_failed;
  std::uint64_t ended = 0;
  std::string why_ended;
};

// What became of checks and of who makes requests, each by its name.
struct FiguresReport {
  struct Check {
    std::uint64_t passed = 0;
    std::uint64_t failed = 0;
  };
  std::map<std::string, Check> checks;
  std::map<std::string, MakerReport> makers;
  // What was said of the first request that failed by a reason, by failure_name().
  std::map<std::string, std::string> first_failures;

  bool empty() const { return checks.empty() && makers.empty() && first_failures.empty(); }
};

// A worker's report of a run, cumulative; on galileo/fleet/reports each second and when the run's
// last request is over, and the answer of `Worker.report:<worker>`(run).
struct RunReport {
  std::string run;
  std::string worker;
  std::string boot;
  std::uint64_t number = 0;  // counts this worker's reports of the run, from 1
  Wall at = kNoWall;         // by the worker's clock
  Wall started = kNoWall;    // when the first request of the run was due, by the worker's clock
  bool done = false;         // nothing more is due, nothing in flight
  std::uint64_t clients = 0;
  std::uint64_t intended = 0;
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  std::uint64_t in_flight = 0;
  std::map<std::string, std::uint64_t> failures;  // by failure_name()
  std::uint64_t retried = 0;
  std::uint64_t traces_made = 0;
  std::uint64_t traces_lost = 0;     // a full ring, a full disk
  std::uint64_t traces_waiting = 0;  // in the worker's spool, not yet published
  std::uint64_t batches_sent = 0;    // the last sequence number that went out, over all runs
  double cpu_s = 0;                  // of the worker's process since the run's start there
  double busiest_loop_share = 0;     // of its event loops, since the run's start there
  std::uint64_t rss_bytes = 0;
  // Since the run's start, without warm-up; and of the second since the last report.
  Histogram latency;
  Histogram dispatch_error;
  Histogram latency_last;
  Histogram dispatch_error_last;
  std::uint64_t offered_last = 0;  // became due in the second since the last report
  std::uint64_t answered_last = 0;
  std::uint64_t failed_last = 0;
  std::optional<OwnReport> own;  // none: its version doesn't tell
  FiguresReport figures;
};

std::string encode(const Heartbeat& heartbeat);
Result<Heartbeat> decode_heartbeat(std::string_view json);
std::string encode(const StartWorkloads& start);
Result<StartWorkloads> decode_start_workloads(std::string_view json);
std::string encode(const ChangeArrivals& change);
Result<ChangeArrivals> decode_change_arrivals(std::string_view json);
std::string encode(const PauseRun& pause);
Result<PauseRun> decode_pause_run(std::string_view json);
std::string encode(const RunReport& report);
Result<RunReport> decode_run_report(std::string_view json);

}  // namespace galileo::wire
