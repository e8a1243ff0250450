// A result read back from a database: statistics and series are made of its rows again, the rest
// comes from the experiment's metadata. Experiments of the old system have rows only. Blocking.
#pragma once

#include <functional>
#include <memory>

#include "experiment/result.h"
#include "store/store.h"

namespace galileo::experiment {

struct StoredResult {
  explicit StoredResult(Wall start) : summary(start), telemetry(start) {}
  RunResult result;
  Summary summary;
  TelemetrySeries telemetry;
};

// `on_trace`, where it is given, gets each row too, so that rows are read once.
Result<std::unique_ptr<StoredResult>> load_stored_result(
    store::Store& store, const wire::Experiment& experiment,
    const std::function<void(const wire::NamedTrace&)>& on_trace = {});

}  // namespace galileo::experiment
