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
  JoinedView joined;
  std::uint64_t traces_missing = 0;  // that the run's ledger tells of, and no row
};

// `on_trace`, where it is given, gets each row too, so that rows are read once.
Result<std::unique_ptr<StoredResult>> load_stored_result(
    store::Store& store, const wire::Experiment& experiment,
    const std::function<void(const wire::NamedTrace&)>& on_trace = {});

// How many traces an experiment's ledger tells of beyond the `traces` that are there. Where it left
// no ledger, nobody can say.
std::uint64_t traces_missing(const std::string& metadata, std::uint64_t traces);

}  // namespace galileo::analysis
