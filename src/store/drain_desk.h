// Drains a spool into its database while the spool grows, at a desk of lower priority: what is
// being recorded comes first. A database that is slow or away costs nothing but disk: it is tried
// again every two seconds.
//
// Made, started, stopped and finished by one thread; the work in between is done at its own desk,
// where the store lives meanwhile.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/desk.h"
#include "store/drain.h"
#include "store/store.h"

namespace galileo::store {

class DrainDesk {
 public:
  // `on_safe` is told now and then, at the desk, up to which byte the spool's rows are in the
  // database and on its disk.
  DrainDesk(std::unique_ptr<Store> store, std::string spool_path,
            std::function<void(std::uint64_t position)> on_safe = {}, MayWrite may_write = {})
      : store_(std::move(store)),
        spool_path_(std::move(spool_path)),
        on_safe_(std::move(on_safe)),
        may_write_(std::move(may_write)) {}
  ~DrainDesk() { stop(); }
  DrainDesk(const DrainDesk&) = delete;
  DrainDesk& operator=(const DrainDesk&) = delete;

  void start();
  void stop() { desk_.stop(); }

  // All that is in the spool, counted in the database once the spool's end is in it (see
  // Drain::settle()); on the caller's thread, after stop(). A database that can't be
  // reached just now (kUnavailable) is tried again for ten seconds: a restart or a deadlock in the
  // end leaves no run unfinished. Asked between two steps, `give_up` ends it with an Error of
  // kInterrupted. After an Error what is missing in the database is in the spool.
  Result<void> finish(const std::function<bool()>& give_up = {});

  // After stop(): this spool's traces that are in the database, and whether its end is.
  bool ended() const { return drain_ && drain_->ended(); }
  std::uint64_t traces() const { return drain_ ? drain_->traces() : 0; }
  // Those of its rows, traces() among them, that the database refused for good; after stop().
  RefusedRows refused() const { return drain_ ? drain_->refused() : RefusedRows{}; }
  // Those that the spool gave up before they were stored, and how many there were up to where it
  // is.
  SpoolRows given_up() const { return drain_ ? drain_->given_up() : SpoolRows{}; }
  // Those that the database turned out not to have, see Drain::settle().
  SpoolRows missing() const { return drain_ ? drain_->missing() : SpoolRows{}; }
  SpoolRows passed() const { return drain_ ? drain_->passed() : SpoolRows{}; }

 private:
  Time tick();
  Result<bool> step();
  void tell_what_is_safe();

  std::unique_ptr<Store> store_;
  const std::string spool_path_;
  const std::function<void(std::uint64_t)> on_safe_;
  const MayWrite may_write_;  // see Drain::open()
  std::uint64_t safe_ = 0;    // what was told last
  Time told_{};
  std::unique_ptr<Drain> drain_;
  // What the database takes in a fraction of a second: few, so that whoever wants to stop us gets a
  // turn soon; many, as each commit costs it something.
  std::size_t records_at_once_ = 5000;
  net::Desk desk_;
};

}  // namespace galileo::store
