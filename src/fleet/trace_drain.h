// Brings a worker's traces from its spool into a database (galileo_trace_logging=sql), where they
// belong to no experiment until somebody assigns them (store's touch_traces()). Each is there
// exactly once: how far a segment is stored is kept in the transaction of its rows. Started and
// stopped on the control thread; works at a desk of its own.
#pragma once

#include <memory>
#include <string>

#include "base/counters.h"
#include "fleet/trace_outlet.h"
#include "net/desk.h"
#include "store/spool.h"
#include "store/store.h"

namespace galileo::fleet {

// Owned by its worker. Once open() has given it, nothing fails: a database that is away is tried
// again at the next tick, and stop() says whether something was left.
class TraceDrain final : public TraceOutlet {
 public:
  struct Options {
    std::string worker;
    std::string boot;
    std::string folder;
  };

  // An Error where the database can't be opened.
  static Result<std::unique_ptr<TraceDrain>> open(const std::string& database,
                                                  const Options& options);
  ~TraceDrain() override;

  void start() override;
  bool stop(Duration deadline) override;
  std::uint64_t traces_out() const override { return traces_.load(); }
  std::uint64_t batches_out() const override { return 0; }

 private:
  TraceDrain(std::unique_ptr<store::Store> store, Options options);
  // The next piece; false: nothing was there, or it couldn't be stored (now).
  Result<bool> store_some();
  Result<bool> next_segment();
  Result<void> settle();
  Result<void> look_behind();

  std::unique_ptr<store::Store> store_;
  const Options options_;
  std::unique_ptr<store::SpoolReader> reader_;
  std::string segment_;          // its path
  std::uint64_t committed_ = 0;  // of it, by the store's last word; 0: nothing
  bool is_unsure_ = false;       // whether the last transaction was carried out
  bool at_end_ = false;          // of what its writer has written so far
  RelaxedCounter traces_;
  net::Desk desk_;
};

}  // namespace galileo::fleet
