// The spools that runs have left beside their databases: where they lie, and how what they hold is
// taken in later. Blocking; nothing is kept in memory but one spool's step.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/spool.h"
#include "store/store.h"

namespace galileo::store {

// The folder of the spools that belong to the database of that name, see path_beside().
std::string spool_folder(const std::string& database);

// Where a spool lies elsewhere, a link in that folder leads to it: recover() finds it by that.
Result<void> link_spool(const std::string& spool_path, const std::string& database);
// Removes the link too, and the folders where they are empty then. `database`: none where it is
// empty.
void remove_spool(const std::string& spool_path, const std::string& database);

// Whether that names a spool file rather than a database.
bool is_spool(const std::string& where);

// Whether the run of that spool is still on: its process holds the lock.
bool is_being_written(const std::string& spool_path);

// What a recovery did with one spool.
struct Recovered {
  std::string id;                // of the experiment; of the file where that isn't known
  std::uint64_t traces = 0;      // that were missing in the store
  SpoolRows given_up;            // that the spool had let go of before they were stored
  RefusedRows refused;           // by the database, for good, of what was missing
  std::uint64_t damaged = 0;     // bytes that couldn't be read
  bool was_cut = false;          // the run hadn't ended: its experiment is FAILED now
  std::optional<Error> problem;  // it couldn't be recovered, and is left as it is
};

// "recovered 1,234 traces of 202611241200-0a1b, which was cut off".
std::string to_text(const Recovered& recovered);

using OnRecovering = std::function<void(const std::string& id, std::uint64_t traces)>;

// A spool that nobody writes to any more, into the store with all of it; where its run was cut off,
// that too is told there. What was done. `told` as of recover().
Result<Recovered> take_whole(const std::string& path, Store& store, const OnRecovering& told = {});

// Drains the spools in the database's spool folder whose runs are over, deletes those that are then
// in the store whole, and marks as FAILED the experiments of runs that were cut off, with the time
// of their last record as end. One that can't be recovered doesn't keep the others from it. `told`
// hears now and then how many traces of which experiment have been moved.
std::vector<Recovered> recover(Store& store, const OnRecovering& told = {});

}  // namespace galileo::store
