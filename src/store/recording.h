// The record of an experiment from its first row to its end: a spool that is written at once, the
// database that it is drained into meanwhile, and the counts of what has become of the rows. What
// runs and the recorder of a fleet have in common:
//
//   open()        the database, which first takes in what earlier runs have left
//   begin()       the experiment gets its id and its spool, and is RUNNING in it
//   drain()       from here on rows go on into the database, at a desk of its own
//   store_rows()  nothing writes rows any more: the rest of them into the database
//   end()         the end record, into the database too; the spool goes once all is there
//
// One thread makes and asks it; the spool is written by one thread at a time, another's too.
// Blocking. A recording that ends between begin() and end() leaves its spool as a crash does: the
// next open() takes it in.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/drain_desk.h"
#include "store/spool.h"
#include "store/store.h"
#include "wire/experiment.h"

namespace galileo::store {

struct RecordingOptions {
  std::string database = "galileo.sqlite";  // "none": the spool is all that is kept
  std::string spool_folder;  // empty: beside the database, or here where there is none
  SpoolLimit spool_limit;
  // Of one that others may end (store/drain.h); empty: nobody does.
  MayWrite may_write = {};
};

// What has become of the rows, once store_rows() or end() is over.
struct RowCounts {
  std::uint64_t traces_stored = 0;  // in the database
  RefusedRows refused;              // by the database, for good
  SpoolRows given_up;               // by the spool, before a database had them
};

class Recording {
 public:
  // Asked now and then while it waits for the database: whether to leave the rest in the spool.
  using GiveUp = std::function<bool()>;

  // An Error where the database can't be opened.
  static Result<std::unique_ptr<Recording>> open(const RecordingOptions& options);
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  const RecordingOptions& options() const { return options_; }
  // The database as it calls itself: without a password. Empty: there is none.
  const std::string& database() const { return database_; }
  // What was taken in of earlier runs, and what else is worth a line in the result.
  const std::vector<std::string>& notes() const { return notes_; }

  // Draws the id of `experiment`, its name too where it has none, and writes it into a new spool as
  // what is RUNNING since `now`; one that has an id already keeps it, its time of creation and its
  // status. With `nodes` and what is known of its metadata (a JSON object;
  // empty: none). An Error where the disk can't be used: nothing is left of it then.
  Result<void> begin(wire::Experiment& experiment, Wall now,
                     const std::vector<wire::NodeInfo>& nodes, std::string_view metadata = {});
  // Others see the experiment in the database from now on, not from the drain's first step on. An
  // Error takes begin() back.
  Result<void> show(const wire::Experiment& experiment);
  void drain();

  // From begin() on; written until end(), its counts stay.
  SpoolWriter& spool() { return *spool_; }
  const std::string& spool_path() const { return spool_path_; }

  // Traces that are in the database so far; asked while store_rows() or end() waits.
  std::uint64_t traces_drained() const { return drain_ ? drain_->traces() : 0; }

  // Why the database hasn't taken all (kInterrupted: since it was told to give up): the rest waits
  // in the spool.
  Result<void> store_rows(const GiveUp& give_up = {});
  RowCounts rows() const { return rows_; }

  struct Ended {
    std::optional<Error> unclosed;   // why the spool isn't whole
    std::optional<Error> undrained;  // why the database hasn't the end
  };
  // After store_rows(). The spool is removed where all is in the database, but with `keep_spool`.
  Ended end(const wire::Experiment& experiment, const std::string& metadata,
            const GiveUp& give_up = {}, bool keep_spool = false);
  // All is in the database, its end too; or there is none, and the spool is whole.
  bool is_stored() const { return is_stored_; }
  // Where the spool is kept: empty once all is in the database.
  const std::string& kept_spool() const { return kept_spool_; }

 private:
  explicit Recording(const RecordingOptions& options) : options_(options) {}
  void count_rows();

  const RecordingOptions options_;
  std::string database_;
  std::string spool_path_;
  std::string kept_spool_;
  std::vector<std::string> notes_;
  std::unique_ptr<Store> store_;  // until the drain has it
  std::unique_ptr<SpoolWriter> spool_;
  std::unique_ptr<DrainDesk> drain_;
  bool rows_are_stored_ = false;
  bool is_stored_ = false;
  RowCounts rows_;
};

}  // namespace galileo::store
