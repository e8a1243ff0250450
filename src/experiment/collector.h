// Takes what the loops and instruments make, and puts it where it is kept and counted: each loop
// has a ring into the collector's desk, which drains all rings every few milliseconds, adds to the
// summary and writes to the spool. The loops never wait for it; a full ring loses a trace and
// counts that.
//
// Made, started and stopped by the control thread; the work is done at its own desk.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "analysis/joined_view.h"
#include "analysis/summary.h"
#include "analysis/telemetry_series.h"
#include "experiment/run_observer.h"
#include "load/trace_ring.h"
#include "net/desk.h"
#include "store/spool.h"

namespace galileo::experiment {

class Collector {
 public:
  struct Options {
    std::size_t loops = 1;
    Wall start;                                        // of the series
    std::size_t ring_bytes = load::TraceRing::kBytes;  // a loop
    std::function<void()> on_spool_full;  // once, at the desk: the spool will refuse rows soon
    std::vector<RunObserver*> observers;  // see each trace; outlive the collector
  };

  // `spool` outlives it, and is written by the collector only, from start() to stop().
  Collector(const Options& options, store::SpoolWriter& spool);
  ~Collector();

  // One sink a loop; lives on that loop.
  load::TraceSink& sink(std::size_t loop);

  // From any thread; not for the way of a request.
  void put(std::vector<wire::Sample> samples);
  void put(const wire::Event& event);
  // What was known of a node before the run; the spool has it already.
  void put(const wire::NodeInfo& info);
  // What has become known since.
  void keep(const wire::NodeInfo& info);
  // What is known of a run that is under way.
  void put(const wire::Experiment& experiment, std::string metadata);

  void start();

  // What other processes' traces come by: `drain` is called at the desk at each tick, and hands
  // what it has to `to`. Traces' names are numbers of one table, which only ever grows.
  void attach(std::function<void(store::SpoolVisitor& to)> drain);
  // Runs `task` at the desk, between two ticks, and waits for it.
  void at_desk(const std::function<void()>& task);

  // What the live view shows; waits for one turn of the desk.
  struct Snapshot {
    analysis::LiveFigures live;
    load::Ledger ledger;      // of the traces so far
    double cpu_pct = -1;      // the last sample of `cpu_busy`; -1: none yet
    std::string spool_error;  // why the spool can't be written, if so
  };
  Snapshot snapshot(Wall now);

  // After the loops are done: takes what is left, flushes. Then summary() and the rest may be read.
  void stop();
  const analysis::Summary& summary() const { return summary_; }
  void set_checks(std::vector<analysis::CheckFigures> checks) {
    summary_.set_checks(std::move(checks));
  }
  const analysis::TelemetrySeries& telemetry() const { return telemetry_; }
  const analysis::JoinedView& joined() const { return joined_; }
  // Once, in the end.
  analysis::Summary take_summary() { return std::move(summary_); }
  analysis::TelemetrySeries take_telemetry() { return std::move(telemetry_); }
  analysis::JoinedView take_joined() { return std::move(joined_); }
  std::uint64_t traces_lost() const;
  const std::optional<Error>& spool_error() const { return spool_error_; }

 private:
  class Producer;
  class Loop;
  class Remote;
  Time tick();
  std::size_t drain_rings();

  store::SpoolWriter& spool_;
  std::vector<std::unique_ptr<Loop>> loops_;
  std::unique_ptr<Remote> remote_;
  std::function<void(store::SpoolVisitor& to)> drain_remote_;
  analysis::Summary summary_;
  analysis::TelemetrySeries telemetry_;
  analysis::JoinedView joined_;
  double cpu_pct_ = -1;
  std::optional<Error> spool_error_;
  std::function<void()> on_spool_full_;
  const std::vector<RunObserver*> observers_;
  load::DrainPace pace_;
  net::Desk desk_;
};

}  // namespace galileo::experiment
