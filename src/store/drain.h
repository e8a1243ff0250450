// Drains a spool into a store: at least once from the spool's side, exactly once in the store,
// since the position is saved in the transaction of the rows. In bounded steps, so that its desk
// can do it while the run goes on; after a crash it goes on where the store says. Blocking: lives
// at a desk.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "store/spool.h"
#include "store/store.h"

namespace galileo::store {

// Asked at the desk of a drain before each transaction; empty: always.
using MayWrite = std::function<bool()>;

class Drain {
 public:
  // `store` outlives it. An Error where the spool can't be read or the store can't be asked.
  //
  // What has come to its end in the store stays as it ended there, whoever has ended it: of a spool
  // that says otherwise only rows are put. With `may_write` not even these (an Error of
  // kInterrupted), nor anything once it says no: whoever writes it has lost the right to.
  static Result<std::unique_ptr<Drain>> open(const std::string& spool_path, Store& store,
                                             MayWrite may_write = {});
  ~Drain();

  // Moves up to `records_max` records, and up to 8 MiB of the spool. False: nothing was there to
  // move (now). After an Error nothing of the step is in the store, and the next one tries the same
  // again; where only the commit's answer was lost, the next one finds that out, and also where the
  // store came back with less than it had answered for (a server that doesn't write each commit to
  // its disk, or another one in its place): what it has lost is put again.
  static constexpr std::size_t kRecordsAtOnce = 80'000;
  Result<bool> step(std::size_t records_max = kRecordsAtOnce);

  // All that is in a spool that nobody writes to any more, behind damaged places too, and settled.
  // `on_step` is called after each step that moved something.
  Result<void> finish(const std::function<void()>& on_step = {});

  // Once all was moved: holds what the store has of it, on its disk, against what it was given.
  // False: it has less, and the next steps put that again. An Error where that didn't help, or
  // where the spool has given up what it would take.
  Result<bool> settle();
  // Rows that the store hadn't then.
  SpoolRows missing() const;

  // The last step moved all that was there.
  bool at_end() const { return at_end_; }
  // The spool's end record has been drained by this object: there will be no more.
  bool ended() const;
  std::uint64_t traces() const;   // drained by this object
  std::uint64_t damaged() const;  // bytes of the spool that couldn't be read
  // The drained rows that the store refused for good. What it refused in a step that
  // failed is put again.
  RefusedRows refused() const { return refused_; }
  // Rows that the spool gave up before they were in the store.
  SpoolRows given_up() const;
  // How far it is in the spool: its bytes, and the rows up to there.
  std::uint64_t position() const;
  const SpoolRows& passed() const;
  // The experiment, once its record has been seen; empty before.
  const wire::Experiment& experiment() const;

 private:
  class Rows;
  struct Unanswered;
  Drain(std::unique_ptr<SpoolReader> reader, Store& store, MayWrite may_write);
  Result<void> go_on_with(const wire::Experiment& experiment);
  Result<void> name_by_file();
  Result<bool> look_where_it_is();
  Result<void> go_back(const char* why);
  Result<void> put_again();

  std::unique_ptr<SpoolReader> reader_;
  const SpoolReader::Place start_;
  Store& store_;
  std::unique_ptr<Rows> rows_;
  std::unique_ptr<Unanswered> unanswered_;
  std::uint64_t committed_ = 0;  // up to there, by the store's last word; 0: nothing
  bool is_unsure_ = false;       // the store couldn't be reached: it may be another one now
  bool at_end_ = false;
  SpoolRows missing_before_;           // of the reader's, in the store
  SpoolRows lost_before_;              // when it was opened
  const RefusedRows refused_at_open_;  // by the store
  RefusedRows refused_before_;         // of what isn't counted now
  RefusedRows refused_;
  SpoolRows missing_;
  bool was_put_again_ = false;
  bool left_out_is_known_ = true;
  std::uint64_t behind_at_ = UINT64_MAX;  // where the store was when it had lost something, last
  int times_behind_ = 0;                  // in a row that it was there
};

}  // namespace galileo::store
