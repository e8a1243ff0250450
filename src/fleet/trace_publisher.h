// Brings a worker's traces from its spool to the bus: as batches where somebody takes those
// (docs/wire/trace_batches.md), as lines of docs/wire/bus.md where somebody takes those, or nobody
// either. While the bus is away traces wait in the spool; what may have arrived before the
// connection broke is sent again and marked so. Segments that have been published whole are
// deleted, those that an earlier process of this worker left are published too. Made, started and
// stopped by the control thread; blocking work is done at its own desk.
#pragma once

#include <memory>
#include <string>

#include "base/counters.h"
#include "bus/bus.h"
#include "fleet/trace_outlet.h"
#include "net/desk.h"
#include "store/spool.h"
#include "wire/trace_batch.h"

namespace galileo::fleet {

// Owned by its worker. Nothing of it fails: what can't go out now is tried again at the next tick,
// and stop() says whether something was left.
class TracePublisher final : public TraceOutlet {
 public:
  struct Options {
    std::string worker;
    std::string boot;
    std::string folder;
  };

  // `bus` outlives it.
  TracePublisher(bus::Bus& bus, const Options& options);
  ~TracePublisher() override;

  void start() override;
  bool stop(Duration deadline) override;
  std::uint64_t traces_out() const override { return traces_.load(); }
  std::uint64_t batches_out() const override { return batches_.load(); }

 private:
  class Outgoing;
  struct Segment;

  Time tick();
  bool publish_some();
  bool next_segment();
  bool has_more();
  bool read_some();
  void look_who_listens(Time now);
  bool send_batch();
  bool send_lines();
  void keep_position();

  bus::Bus& bus_;
  const Options options_;
  std::unique_ptr<Outgoing> outgoing_;
  std::unique_ptr<Segment> segment_;
  bool listeners_may_return() const;

  Time looked_{};          // who listens
  Time segment_looked_{};  // whether it is over
  Time kept_{};            // when the position was
  Time heard_{};           // when somebody got something last
  bool batches_wanted_ = false;
  bool lines_wanted_ = true;
  bool may_have_arrived_ = false;  // the last send failed half way
  RelaxedCounter traces_;
  RelaxedCounter batches_;
  net::Desk desk_;
};

}  // namespace galileo::fleet
