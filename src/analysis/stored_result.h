// A result read back from a database: statistics and series are made of its rows again, the rest
// comes from the experiment's metadata. Experiments of the old system have rows only. Blocking.
#pragma once

#include <functional>
#include <memory>

#include "analysis/result.h"
#include "store/store.h"

namespace galileo::analysis {

struct StoredResult {
  explicit StoredResult(Wall start) : summary(start), telemetry(start) {}
  RunResult result;
  Summary summary;
  TelemetrySeries telemetry;
  std::uint64_t traces_missing = 0;  // that the run's books tell of, and no row
};

// `on_trace`, where it is given, gets each row too, so that rows are read once.
Result<std::unique_ptr<StoredResult>> load_stored_result(
    store::Store& store, const wire::Experiment& experiment,
    const std::function<void(const wire::NamedTrace&)>& on_trace = {});

// Of an experiment with so many traces, those that its books tell of beyond them. Where it left
// none nobody can say.
std::uint64_t traces_missing(const std::string& metadata, std::uint64_t traces);

}  // namespace galileo::analysis
