#include "experiment/stored_result.h"

#include <algorithm>

namespace galileo::experiment {

Result<std::unique_ptr<StoredResult>> load_stored_result(
    store::Store& store, const wire::Experiment& experiment,
    const std::function<void(const wire::NamedTrace&)>& on_trace) {
  std::unique_ptr<StoredResult> stored;
  // The series begin with the experiment, or with its first row where that was earlier or isn't
  // known: the figures are begun at the first row, so that the rows are read once.
  const auto begin = [&](Wall at) {
    Wall start = experiment.start;
    if (start == kNoWall || (at != kNoWall && at < start)) start = at;
    stored = std::make_unique<StoredResult>(start == kNoWall ? Wall{} : start);
  };
  TRY(store.each_trace_figures(experiment.id, [&](const wire::NamedTrace& trace) {
    if (!stored) begin(trace.created);
    stored->summary.add(trace);
    if (on_trace) on_trace(trace);
  }));
  if (!stored) begin(kNoWall);
  const std::string metadata = TRY(store.metadata(experiment.id));
  stored->result = parse_metadata(metadata);
  stored->result.experiment = experiment;
  TRY(store.each_sample(experiment.id,
                        [&](const wire::Sample& sample) { stored->telemetry.add(sample); }));
  RunResult& result = stored->result;
  if (result.provenance.version.empty()) {
    // Of the old system, or of a run that was cut off: the rows are all there is.
    result.ledger = stored->summary.ledger();
    result.ledger.traces_stored = result.ledger.traces_made;
    result.verdict = {VerdictValue::kSuspect,
                      {"the run left no books: what is shown is made of its rows alone"}};
    TRY(store.each_node_info(experiment.id, [&](const wire::NodeInfo& info) {
      result.provenance.host.emplace_back(info.node + "/" + info.key, info.value);
    }));
  }
  result.provenance.database = store.where();
  return stored;
}

}  // namespace galileo::experiment
