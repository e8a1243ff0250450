// Looks after what daemons that are gone have left, and what a server that has lost its memory has
// forgotten (docs/wire/daemon.md). One of the daemons does so at a time, whichever; what it finds
// wrong it sees twice before it acts, since what is under way looks alike for a moment:
//
//   an item in the list of a daemon that is gone   goes back, or goes where its row is over
//   a row that runs under a claim that is over     has FAILED; it isn't repeated
//   a row that waits, without an item              gets its item again, or has FAILED
//   clients of a claim that is over                are closed, old workers' too
//
// Blocking, at one desk. Errors are the bus's and the database's; the next look tries again.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "bus/bus.h"
#include "store/store.h"

namespace galileo::service {

// Closes the clients of all claims but this one, which has the fleet; how many.
Result<std::size_t> close_left_clients(bus::Bus& bus, std::uint64_t claim);

class Keeper {
 public:
  // The item of a row that waits, from wherever it is kept; empty: nowhere.
  using ItemOf = std::function<Result<std::string>(store::Store&, const wire::Experiment&)>;

  // `every`: how often look() is called.
  Keeper(bus::Bus& bus, std::string daemon, Duration every, ItemOf item_of);

  // Nothing where another daemon looks.
  Result<void> look(store::Store& store, Wall now);
  // Others may look at once.
  void give_back();

 private:
  Result<bool> may_look();
  // True: it was wrong at the last look already.
  bool again(const std::string& what);
  Result<void> return_items(store::Store& store, const std::vector<std::string>& lists);
  Result<void> return_item(store::Store& store, const std::string& list, const std::string& item);
  Result<void> look_at_rows(store::Store& store, const std::vector<std::string>& lists, Wall now);
  Result<void> look_at_running(store::Store& store, const wire::Experiment& row, Wall now);
  Result<void> look_at_waiting(store::Store& store, const wire::Experiment& row, Wall now);
  Result<void> close_clients();

  bus::Bus& bus_;
  const std::string daemon_;
  const Duration every_;
  const ItemOf item_of_;
  std::set<std::string> wrong_;         // at this look
  std::set<std::string> wrong_before_;  // at the one before
};

}  // namespace galileo::service
