#include "analysis/stored_result.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/text.h"
#include "store/metadata_json.h"

namespace galileo::analysis {
namespace {

std::uint64_t missing_of(const load::Ledger& ledger, std::uint64_t traces) {
  const std::uint64_t kept = ledger.traces_made - std::min(ledger.traces_made, ledger.traces_lost);
  return kept - std::min(kept, traces);
}

// What the rows don't tell of: sent by the last checkpoint of a run that was cut off, and no more
// heard of.
void add_checkpoint(const std::string& metadata, RunResult& result) {
  if (store::is_nested_deeply(metadata)) return;
  const auto json = nlohmann::json::parse(metadata, nullptr, false);
  if (!json.is_object() || !json.contains("checkpoint")) return;
  const auto& checkpoint = json["checkpoint"];
  const auto found = checkpoint.is_object() ? checkpoint.find("sent") : checkpoint.end();
  if (found == checkpoint.end() || !found->is_number_unsigned()) return;
  load::Ledger& ledger = result.ledger;
  const auto sent = found->get<std::uint64_t>();
  const std::uint64_t unheard = sent - std::min(sent, ledger.sent);
  ledger.intended += unheard;
  ledger.sent += unheard;
  ledger.in_flight_at_end += unheard;
  ledger.traces_made += unheard;
  ledger.traces_lost += unheard;
  const bool is_on = result.experiment.status == wire::kRunning;
  result.verdict.reasons.push_back(
      fmt::format("the run {}: {} requests had been sent at its last checkpoint, and of {} nothing "
                  "more is known",
                  is_on ? "isn't over" : "was cut off", format_count(sent), format_count(unheard)));
}

}  // namespace

std::uint64_t traces_missing(const std::string& metadata, std::uint64_t traces) {
  const RunResult result = parse_metadata(metadata);
  return result.provenance.version.empty() ? 0 : missing_of(result.ledger, traces);
}

Result<std::unique_ptr<StoredResult>> load_stored_result(
    store::Store& store, const wire::Experiment& experiment,
    const std::function<void(const wire::NamedTrace&)>& on_trace) {
  std::unique_ptr<StoredResult> stored;
  // Events first: they say whose an address was when a request went there.
  JoinedView joined;
  TRY(store.each_event(experiment.id, [&](const wire::Event& event) { joined.add(event); }));
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
    joined.add(trace);
    if (on_trace) on_trace(trace);
  }));
  if (!stored) begin(kNoWall);
  const std::string metadata = TRY(store.metadata(experiment.id));
  stored->result = parse_metadata(metadata);
  stored->result.experiment = experiment;
  stored->summary.set_checks(stored->result.checks);
  TRY(store.each_sample(experiment.id, [&](const wire::Sample& sample) {
    stored->telemetry.add(sample);
    joined.add(sample);
  }));
  std::vector<wire::NodeInfo> nodes;
  TRY(store.each_node_info(experiment.id, [&](const wire::NodeInfo& info) {
    joined.add(info);
    nodes.push_back(info);
  }));
  stored->joined = std::move(joined);
  RunResult& result = stored->result;
  if (result.provenance.version.empty()) {
    // The rows are all there is of the old system's runs, and of one that was cut off.
    result.ledger = stored->summary.ledger();
    result.ledger.traces_stored = result.ledger.traces_made;
    result.verdict = {VerdictValue::kSuspect,
                      {"the run left no books: what is shown is made of its rows alone"}};
    add_checkpoint(metadata, result);
    for (const wire::NodeInfo& info : nodes)
      result.provenance.host.emplace_back(info.node + "/" + info.key, info.value);
  }
  const std::uint64_t rows = stored->summary.ledger().traces_made;
  stored->traces_missing = result.provenance.version.empty() ? 0 : missing_of(result.ledger, rows);
  if (stored->traces_missing > 0) {
    load::Ledger& ledger = result.ledger;
    result.verdict.value = VerdictValue::kInvalid;
    result.verdict.reasons.insert(result.verdict.reasons.begin(),
                                  fmt::format("{} of {} traces that the run left are missing here",
                                              format_count(stored->traces_missing),
                                              format_count(rows + stored->traces_missing)));
    ledger.traces_lost += stored->traces_missing;
    ledger.traces_stored = rows;
    ledger.traces_spooled = 0;
  }
  result.provenance.database = store.where();
  return stored;
}

}  // namespace galileo::analysis
