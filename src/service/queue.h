// The queue of experiments: a list on the bus, oldest last, and a row of the database for each
// (docs/wire/bus.md, Queues). Blocking, at one desk.
#pragma once

#include <optional>
#include <string>

#include "bus/bus.h"
#include "store/store.h"
#include "wire/queued_experiment.h"

namespace galileo::service {

// Gives it an id, a name where it has none, and `now` as its time of creation; puts its row into
// the database, then the item into the queue. Where that fails there is no row either.
Result<wire::Experiment> enqueue(bus::Bus& bus, store::Store& store, wire::QueuedExperiment queued,
                                 Wall now);

// Takes it out of the queue, before anybody has. False: it isn't there any more.
Result<bool> withdraw(bus::Bus& bus, const std::string& id);

}  // namespace galileo::service
