#include "tables/import.h"

#include <fmt/format.h>

namespace galileo::tables {
namespace {

// Before the first is copied: a typing error, or one that is there already, copies nothing.
Result<void> check_room(store::Store& target, const std::vector<wire::Experiment>& experiments) {
  for (const wire::Experiment& experiment : experiments) {
    const auto there = TRY(target.experiment(experiment.id));
    if (there && there->status != store::kImporting)
      return Error{ErrorCode::kUsage, fmt::format("can't import experiment {}", experiment.id),
                   target.where(), "the database has an experiment of that id already",
                   "--replace removes it first, or name another database with --db"};
  }
  return {};
}

}  // namespace

Result<std::vector<wire::Experiment>> whole_experiments(store::Store& source) {
  std::vector<wire::Experiment> found = TRY(source.experiments());
  std::erase_if(found, [](const auto& one) { return one.status == store::kImporting; });
  return found;
}

Result<std::uint64_t> import_experiments(store::Store& source, store::Store& target,
                                         const std::vector<wire::Experiment>& experiments,
                                         const ImportOptions& options) {
  if (!options.replace) TRY(check_room(target, experiments));
  std::uint64_t rows_expected = 0;
  for (const wire::Experiment& experiment : experiments) {
    const store::StoredRows counts = TRY(source.counts(experiment.id));
    rows_expected += counts.traces + counts.telemetry + counts.events;
  }
  options.on_begin(rows_expected);
  std::uint64_t rows = 0;
  for (const wire::Experiment& experiment : experiments) {
    store::CopyOptions copy;
    copy.name = options.name;
    copy.replace = options.replace;
    copy.go_on = [&](const store::CopyCounts& counts) {
      return options.go_on(rows + counts.rows());
    };
    const auto copied = TRY(store::copy_experiment(source, target, experiment, copy));
    rows += copied.rows();
    if (options.on_copied) options.on_copied(experiment, copied);
  }
  return rows;
}

}  // namespace galileo::tables
