#include "service/queue.h"

#include <fmt/format.h>

#include "bus/keys.h"
#include "store/experiment_id.h"
#include "wire/worker_api.h"

namespace galileo::service {
namespace {

std::string queue_key() {
  return wire::bus_channel(bus::kExperimentQueue);
}

}  // namespace

Result<wire::Experiment> enqueue(bus::Bus& bus, store::Store& store, wire::QueuedExperiment queued,
                                 Wall now) {
  wire::Experiment& experiment = queued.experiment;
  experiment.id = TRY(store::new_experiment_id(now, &store));
  if (experiment.name.empty()) experiment.name = experiment.id;
  experiment.created = now;
  experiment.status = wire::kQueued;
  TRY(store.save_experiment(experiment));
  const auto put = bus.change({bus::list_push_left(queue_key(), {wire::encode(queued)})});
  if (put.ok()) return experiment;
  // A row without an item would wait for ever. Where only the answer was lost, the item is there
  // all the same, and nobody's row says so.
  TRY(store.remove(experiment.id));
  return put.error();
}

Result<bool> withdraw(bus::Bus& bus, const std::string& id) {
  for (const std::string& item : TRY(bus.list(queue_key()))) {
    const auto queued = wire::decode_queued_experiment(item);
    if (!queued.ok() || queued->experiment.id != id) continue;
    // By its whole value: a daemon that takes it at the same time has it, or we have.
    const auto removed = TRY(bus.change({bus::list_remove(queue_key(), item)}));
    return removed.at(0) > 0;
  }
  return false;
}

}  // namespace galileo::service
