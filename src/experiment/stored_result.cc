#include "experiment/stored_result.h"

#include <algorithm>

namespace galileo::experiment {

Result<std::unique_ptr<StoredResult>> load_stored_result(store::Store& store,
                                                         const wire::Experiment& experiment) {
  // The series begin with the experiment, or with its first row where that was earlier or isn't
  // known.
  Wall start = experiment.start;
  const auto earlier = [&](Wall at) {
    if (at != kNoWall && (start == kNoWall || at < start)) start = at;
  };
  bool first = true;
  TRY(store.each_trace(experiment.id, [&](const wire::NamedTrace& trace) {
    if (first) earlier(trace.created);
    first = false;
  }));
  if (start == kNoWall) start = Wall{};
  auto stored = std::make_unique<StoredResult>(start);
  const std::string metadata = TRY(store.metadata(experiment.id));
  stored->result = parse_metadata(metadata);
  stored->result.experiment = experiment;
  TRY(store.each_trace(experiment.id,
                       [&](const wire::NamedTrace& trace) { stored->summary.add(trace); }));
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
