// The queue of experiments: a list on the bus, oldest last, and a row of the database for each
// (docs/wire/daemon.md). The rows are the truth: what becomes of one is said there first, by a
// change from the state that it is expected in, and whoever comes second finds that. An item of the
// list is run where its row allows it.
//
// Blocking, at one desk. Errors are the bus's and the database's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bus/bus.h"
#include "store/store.h"
#include "wire/queued_experiment.h"

namespace galileo::service {

std::string queue_key();

// Gives it an id, a name where it has none, and `now` as its time of creation; puts its row into
// the database, the item in its metadata, then the item into the queue. An Error: it isn't queued;
// where the bus went away in between, its row is FAILED and says so, whatever the bus has.
Result<wire::Experiment> enqueue(bus::Bus& bus, store::Store& store, wire::QueuedExperiment queued,
                                 Wall now);

// Takes it out of the queue, before anybody has. False: it isn't there any more.
Result<bool> withdraw(bus::Bus& bus, const std::string& id);

// Who ends an experiment, and why.
struct EndedBy {
  std::string status;  // a final one
  std::string reason;
  std::string by;
};

// From the state `from` to a final one, and only from there; false: it is in another one. `now` is
// its end.
Result<bool> end_row(store::Store& store, const wire::Experiment& experiment, std::string_view from,
                     const EndedBy& why, Wall now);

enum class Cancelled : std::uint8_t {
  kCancelled,  // nothing of it was sent or will be
  kNotQueued,  // it runs, or is over
  kUnknown,    // there is none
};
Result<Cancelled> cancel_queued(bus::Bus& bus, store::Store& store, const std::string& id,
                                const std::string& reason, const std::string& by, Wall now);

// Removes one that is over, with all of its rows. An item of it that somebody has still isn't run.
Result<void> forget(bus::Bus& bus, store::Store& store, const std::string& id);
Result<bool> is_forgotten(bus::Bus& bus, const std::string& id);

// Those that wait, the next one first.
Result<std::vector<wire::Experiment>> waiting(bus::Bus& bus, store::Store& store);

// The text of the item, as the row of one that waits has it; empty: it says none.
Result<std::string> item_of(store::Store& store, const std::string& id);

}  // namespace galileo::service
