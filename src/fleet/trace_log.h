// A worker's traces on their way off the event loops: counted for the run that their
// client belongs to, and written to a spool, from where an outlet takes them
// (fleet/trace_publisher.h). The loops never wait; Redis may be away for as long as there is disk.
//
// The spool is cut into segments, "<folder>/<worker>-<boot>-<n>.spool", each whole in itself, so
// that what has been published can be deleted. Made, started and stopped by the control thread; the
// work is done at its own desk. report() may be called from any thread but that desk.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/counters.h"
#include "base/histogram.h"
#include "load/ledger.h"
#include "load/request_metrics.h"
#include "load/trace_ring.h"
#include "net/desk.h"
#include "store/spool.h"
#include "wire/fleet_api.h"

namespace galileo::fleet {

class TraceLog {
 public:
  struct Options {
    std::string worker;
    std::string boot;  // 8 hex digits
    std::string folder;
    std::size_t loops = 1;
    std::uint64_t segment_bytes = std::uint64_t{64} << 20;
    // The disk that all segments of this worker may take: beyond it traces are counted as lost
    // until some have gone out. 0: as much as there is.
    std::uint64_t bytes_max = 0;
    Wall created = kNoWall;        // stamps the segments
    bool keep = true;              // false: traces are counted, and kept nowhere
    std::size_t response_max = 0;  // of a trace, bytes
    bool counts_requests = false;  // for metrics_page()
  };

  // An Error where the folder can't be written to.
  static Result<std::unique_ptr<TraceLog>> open(const Options& options);
  ~TraceLog();

  // The size of a loop's ring in which a trace fits whose response has that many bytes.
  static std::size_t ring_bytes(std::size_t response);

  // One sink a loop; lives on that loop.
  load::TraceSink& sink(std::size_t loop);

  void start();
  // After the loops are done: takes what is left, and closes the last segment.
  void stop();

  // Whether traces are kept. They are counted either way.
  void set_tracing(bool on);

  // From here on the traces of these clients belong to that run; its counts begin at zero where it
  // is new.
  void assign(const std::string& run, const std::vector<std::string>& clients);
  // Fills in what is known of that run's traces: counts and histograms. The `_last`
  // fields are since the last call with `next`, which also counts the report's number on.
  void fill(wire::RunReport& report, bool next);
  // Forgets the run's counts; traces of its clients belong to none from then on.
  void forget(const std::string& run);

  // What all requests came to, for scrapers; empty where they aren't counted. Waits for the desk.
  std::string metrics_page();

  std::uint64_t traces_written() const { return written_.load(); }
  // Why the spool can't be written, if so.
  std::string trouble();

 private:
  class Loop;
  struct RunCounts {
    load::Ledger ledger;
    Histogram latency;
    Histogram dispatch_error;
    Histogram latency_last;
    Histogram dispatch_error_last;
    std::uint64_t offered_last = 0;
    std::uint64_t answered_last = 0;
    std::uint64_t failed_last = 0;
    std::uint64_t reports = 0;
    Wall first_created = kNoWall;
  };

  explicit TraceLog(const Options& options);
  Result<void> begin_segment();
  Time tick();
  void look_at_size(Time now);
  bool has_room();
  std::size_t drain_rings();
  RunCounts* counts_of(const std::string& client);
  static void count(RunCounts& counts, const wire::Trace& trace, bool warmup);

  const Options options_;
  std::vector<std::unique_ptr<Loop>> loops_;
  std::unique_ptr<store::SpoolWriter> spool_;
  std::uint64_t segments_ = 0;
  bool tracing_ = true;
  std::uint64_t bytes_before_ = 0;  // in closed segments of ours
  // Until the next look at the disk: how much may be put there, in all segments of ours.
  std::uint64_t bytes_until_ = std::uint64_t(-1);
  bool is_full_ = false;
  Time looked_{};
  std::uint64_t refused_ = 0;
  std::optional<Error> trouble_;
  std::map<std::string, std::unique_ptr<RunCounts>> runs_;
  std::unordered_map<std::string, RunCounts*> run_of_;  // by client
  std::uint64_t assignments_ = 0;                       // counts the changes of run_of_
  RelaxedCounter written_;
  load::RequestMetrics requests_;
  net::Desk desk_;
  load::DrainPace pace_;
};

// The segments of that worker in the folder: first those that earlier processes of it have left,
// then those of the one with this boot, which still writes, oldest first.
std::vector<std::string> spool_segments(const std::string& folder, const std::string& worker,
                                        const std::string& boot);

}  // namespace galileo::fleet
