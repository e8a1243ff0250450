// Drains a spool into a store: at least once from the spool's side, exactly once in the store,
// since the position is saved in the transaction of the rows. In bounded steps, so that its desk
// can do it while the run goes on; after a crash it goes on where the store says. Blocking: lives
// at a desk.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "store/spool.h"
#include "store/store.h"

namespace galileo::store {

class Drain {
 public:
  // `store` outlives it.
  static Result<std::unique_ptr<Drain>> open(const std::string& spool_path, Store& store);
  ~Drain();

  // Moves up to `records_max` records. False: nothing was there to move (now).
  Result<bool> step(std::size_t records_max = 20'000);

  // The spool's end record has been drained: there will be no more.
  bool ended() const;
  std::uint64_t traces() const;  // drained by this object
  // The experiment, once its record has been seen; empty before.
  const wire::Experiment& experiment() const;

 private:
  class Rows;
  Drain(std::unique_ptr<SpoolReader> reader, Store& store);

  std::unique_ptr<SpoolReader> reader_;
  Store& store_;
  std::unique_ptr<Rows> rows_;
};

// The folder of the spools that belong to the database at that path.
std::string spool_folder(const std::string& database_path);

// What a recovery did.
struct Recovered {
  std::string id;
  std::uint64_t traces = 0;  // that were missing in the store
  bool was_cut = false;      // the run hadn't ended: its experiment is FAILED now
};

// Drains the spools in the database's spool folder whose runs are over, deletes those that are then
// in the store whole, and marks as FAILED the experiments of runs that were cut off.
Result<std::vector<Recovered>> recover(Store& store);

}  // namespace galileo::store
