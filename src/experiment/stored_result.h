// A result read back from a database: statistics and series are made of its rows again, the rest
// comes from the experiment's metadata. Experiments of the old system have rows only. Blocking.
#pragma once

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

Result<std::unique_ptr<StoredResult>> load_stored_result(store::Store& store,
                                                         const wire::Experiment& experiment);

}  // namespace galileo::experiment
