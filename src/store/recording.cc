#include "store/recording.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "store/experiment_id.h"
#include "store/recover.h"

namespace galileo::store {

Result<std::unique_ptr<Recording>> Recording::open(const RecordingOptions& options) {
  std::unique_ptr<Recording> recording(new Recording(options));
  if (options.database == "none") return recording;
  recording->store_ = TRY(open_store(options.database, OpenMode::kCreate));
  recording->database_ = recording->store_->where();
  for (const Recovered& one : recover(*recording->store_))
    recording->notes_.push_back(to_text(one));
  return recording;
}

Result<void> Recording::begin(wire::Experiment& experiment, Wall now,
                              const std::vector<wire::NodeInfo>& nodes, std::string_view metadata) {
  const bool is_known = !experiment.id.empty();
  if (!is_known) {
    experiment.id = TRY(new_experiment_id(now, store_.get()));
    experiment.created = now;
    experiment.status = wire::kRunning;
  }
  if (experiment.name.empty()) experiment.name = experiment.id;
  experiment.start = now;
  std::string folder = options_.spool_folder;
  if (folder.empty()) folder = store_ ? spool_folder(database_) : ".";
  spool_path_ = fmt::format("{}/{}.spool", folder, experiment.id);
  spool_ = TRY(SpoolWriter::create(spool_path_, options_.spool_limit));
  kept_spool_ = spool_path_;
  if (store_) {
    if (const auto found = link_spool(spool_path_, database_); !found.ok())
      notes_.push_back(found.error().to_text());
  }
  spool_->experiment(experiment, metadata);
  for (const wire::NodeInfo& node : nodes) spool_->node_info(node);
  return {};
}

Result<void> Recording::show(const wire::Experiment& experiment) {
  auto shown = spool_->flush();
  if (shown.ok() && store_) shown = store_->save_experiment(experiment);
  if (!shown.ok()) remove_spool(spool_path_, database_);
  return shown;
}

void Recording::drain() {
  if (!store_) return;
  drain_ = std::make_unique<DrainDesk>(
      std::move(store_), spool_path_,
      [&to = *spool_](std::uint64_t position) { to.release(position); }, options_.may_write);
  drain_->start();
}

Result<void> Recording::store_rows(const GiveUp& give_up) {
  Result<void> stored;
  if (drain_) {
    drain_->stop();
    stored = drain_->finish(give_up);
  }
  rows_are_stored_ = drain_ && stored.ok();
  count_rows();
  return stored;
}

// What was counted at the very end may tell more than what was counted before it.
void Recording::count_rows() {
  rows_ = {};
  SpoolRows passed;
  if (drain_) {
    rows_.refused = drain_->refused();
    rows_.given_up = drain_->given_up();
    passed = drain_->passed();
    const std::uint64_t drained = drain_->traces();
    rows_.traces_stored =
        drained - std::min(drained, drain_->missing().traces + rows_.refused.traces);
  }
  rows_.given_up += spool_->given_up(passed);
}

Recording::Ended Recording::end(const wire::Experiment& experiment, const std::string& metadata,
                                const GiveUp& give_up, bool keep_spool) {
  Ended ended;
  spool_->end(experiment, metadata);
  if (auto closed = spool_->close(); !closed.ok()) ended.unclosed = std::move(closed).error();
  // A database that is away has been waited for once; the end comes behind what is missing there.
  if (!ended.unclosed && rows_are_stored_) {
    if (auto drained = drain_->finish(give_up); !drained.ok())
      ended.undrained = std::move(drained).error();
    is_stored_ = !ended.undrained && drain_->ended();
  }
  if (!drain_) is_stored_ = !ended.unclosed;
  count_rows();
  const bool all_stored = drain_ && is_stored_;
  drain_.reset();  // on the database's disk before the spool goes
  // With its lock until it is deleted: nobody else is to begin with it.
  if (all_stored && !keep_spool) {
    remove_spool(spool_path_, database_);
    kept_spool_.clear();
  }
  spool_->let_go();
  return ended;
}

}  // namespace galileo::store
